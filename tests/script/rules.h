// SPDX-License-Identifier: BSD-3-Clause
//
// The rules that packet scripts prove, from rules.txt: one a line, its number and what it says. And
// the table of who proves which.
//
#ifndef TESTS_SCRIPT_RULES_H
#define TESTS_SCRIPT_RULES_H

#include "language.h"

#include <map>
#include <ostream>

namespace script
{

struct Rule {
	std::string id, text;
};

/// Reads rules.txt: `6.12 What the box does.` Throws Error.
std::vector<Rule> read_rules(const std::string &path);

/// How a script ended, by its name.
using Results = std::map<std::string, bool>;

/// Prints rule, scripts, pass, and the rule's text.
void print_table(std::ostream &out, const std::vector<Rule> &rules,
		 const std::vector<Script> &scripts, const Results &results);

} // namespace script

#endif
