// SPDX-License-Identifier: BSD-3-Clause
//
// A program, run as a user would: what it says, and what it exits with.
#ifndef TESTS_SUPPORT_RUN_H
#define TESTS_SUPPORT_RUN_H

#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace sl_test
{

struct Outcome {
	int exit_code;   ///< -1: it was ended by a signal
	std::string out; ///< stdout and stderr

	bool has(const std::string &text) const
	{
		return out.find(text) != std::string::npos;
	}
};

/// Runs `command`, words of a shell.
inline Outcome run_command(const std::string &command)
{
	FILE *pipe = popen((command + " 2>&1").c_str(), "r");
	char bytes[4096];
	size_t n;
	Outcome run = {-1, ""};

	if (pipe == nullptr)
		return run;
	while ((n = fread(bytes, 1, sizeof(bytes), pipe)) > 0)
		run.out.append(bytes, n);
	const int status = pclose(pipe);
	if (WIFEXITED(status))
		run.exit_code = WEXITSTATUS(status);
	return run;
}

} // namespace sl_test

#endif
