// SPDX-License-Identifier: BSD-3-Clause
// A process that may open no more than a few file descriptors.
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

// While it lives, this process can open `n` descriptors and no more.
class Descriptors
{
      public:
	explicit Descriptors(unsigned n)
	{
		int highest = 0;

		EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
		for (int fd = 0; fd < 4096; fd++)
			if (fcntl(fd, F_GETFD) >= 0)
				highest = fd;
		struct rlimit few = before;
		few.rlim_cur = (rlim_t)highest + 1;
		EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
		for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;)
			taken.push_back(fd);
		few.rlim_cur += n;
		EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	}

	~Descriptors()
	{
		for (int fd : taken)
			close(fd);
		setrlimit(RLIMIT_NOFILE, &before);
	}

	Descriptors(const Descriptors &) = delete;

      private:
	struct rlimit before;
	std::vector<int> taken;
};

#endif
