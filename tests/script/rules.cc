// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include <algorithm>
#include <fstream>
#include <iomanip>

namespace script
{

std::vector<Rule> read_rules(const std::string &path)
{
	std::ifstream in(path);
	Place place = {path, 0};
	std::vector<Rule> rules;

	if (!in)
		throw Error(place, "cannot be read");
	for (std::string line; std::getline(in, line);) {
		place.line++;
		if (line.empty() || line[0] == '#')
			continue;
		const size_t space = line.find(' ');
		const size_t text = line.find_first_not_of(' ', space);
		if (space == 0 || text == std::string::npos)
			throw Error(place, "expected a rule's number and what it says");
		const std::string id = line.substr(0, space);
		if (std::any_of(rules.begin(), rules.end(),
				[&](const Rule &r) { return r.id == id; }))
			throw Error(place, "there is a rule " + id + " already");
		rules.push_back({id, line.substr(text)});
	}
	return rules;
}

void print_table(std::ostream &out, const std::vector<Rule> &rules,
		 const std::vector<Script> &scripts, const Results &results)
{
	out << "rule   scripts  pass\n";
	for (const Rule &rule : rules) {
		unsigned n = 0, good = 0;
		for (const Script &s : scripts) {
			if (std::count(s.rules.begin(), s.rules.end(), rule.id) == 0)
				continue;
			const auto result = results.find(s.name);
			n++;
			good += result != results.end() && result->second;
		}
		out << std::left << std::setw(6) << rule.id << " " << std::right << std::setw(7)
		    << n << "  " << std::setw(4)
		    << (n == 0      ? "-"
			: n == good ? "yes"
				    : "NO")
		    << "  " << rule.text << "\n";
	}
}

} // namespace script
