# SPDX-License-Identifier: BSD-3-Clause
"""Every source file includes the standard headers of the names that it uses.

What one standard header includes by the way, it may not include in the next release. A header counts
as included when the file, or a header of ours that the file includes, includes it. Names that are also
common names of methods (read, close, remove) are not looked for.
"""
import pathlib
import re
import sys

CXX = {
    "algorithm": r"adjacent_find|all_of|any_of|binary_search|clamp|copy|copy_backward|copy_if|copy_n|count|count_if"
    r"|equal|equal_range|fill|fill_n|find|find_end|find_first_of|find_if|find_if_not|for_each|generate|generate_n"
    r"|includes|inplace_merge|is_sorted|iter_swap|lower_bound|max|max_element|merge|min|min_element|minmax"
    r"|minmax_element|mismatch|move_backward|next_permutation|none_of|nth_element|partial_sort|partition|remove_if"
    r"|replace|replace_if|reverse|rotate|sample|search|set_difference|set_intersection|set_union|shuffle|sort"
    r"|stable_sort|swap_ranges|transform|unique|upper_bound",
    "array": "array",
    "atomic": r"atomic\w*",
    "bitset": "bitset",
    "chrono": "chrono",
    "deque": "deque",
    "filesystem": "filesystem",
    "fstream": r"[io]?fstream",
    "functional": r"bind|c?ref|function|greater|hash|invoke|less|minus|plus",
    "initializer_list": "initializer_list",
    "iomanip": "setfill|setprecision|setw",
    "iostream": "cerr|cin|clog|cout",
    "iterator": r"(back_|front_)?inserter|advance|distance|istreambuf_iterator|next|prev|size",
    "limits": "numeric_limits",
    "list": "list",
    "map": r"(multi)?map",
    "memory": r"make_shared|make_unique|shared_ptr|unique_ptr|weak_ptr",
    "mutex": r"lock_guard|(recursive_)?mutex|scoped_lock|unique_lock",
    "numeric": "accumulate|gcd|iota|lcm|partial_sum",
    "optional": "nullopt|optional",
    "queue": r"(priority_)?queue",
    "random": r"discrete_distribution|minstd_rand|mt19937(_64)?|random_device|uniform_(int|real)_distribution",
    "regex": r"regex\w*|smatch",
    "set": r"(multi)?set",
    "sstream": r"[io]?stringstream",
    "string": r"getline|sto(d|i|l|ll|ul|ull)|string|to_string",
    "string_view": "string_view",
    "thread": "this_thread|thread",
    "tuple": "make_tuple|tie|tuple",
    "type_traits": r"decay(_t)?|enable_if(_t)?|is_(base_of|enum|floating_point|integral|same|signed|standard_layout|trivially_copyable|unsigned)(_v)?|make_(un)?signed(_t)?|remove_\w+(_t)?|underlying_type(_t)?",
    "unordered_map": "unordered_map",
    "unordered_set": "unordered_set",
    "utility": "declval|exchange|forward|make_pair|move|pair|swap",
    "variant": "monostate|variant|visit",
    "vector": "vector",
}
C = {
    "assert": r"(?<!_)assert",
    "ctype": r"is(alnum|alpha|cntrl|digit|print|space|upper|lower|xdigit)|tolower|toupper",
    "math": r"ceil|exp|fabs|floor|log2?|lround|pow|round|sqrt",
    "stdio": r"f(close|flush|gets|open|printf|puts|read|write)|open_memstream|perror|printf|puts|rename|snprintf|sprintf"
    r"|sscanf|vsnprintf",
    "stdlib": r"abort|aligned_alloc|atoi|calloc|exit|free|getenv|malloc|mkdtemp|mkstemp|qsort|realloc|setenv"
    r"|strto(d|l|ll|ul|ull)|system|unsetenv",
    "string": r"explicit_bzero|mem(chr|cmp|cpy|mem|move|set)|str(casecmp|chr|chrnul|cmp|cpy|cspn|dup|error|len|ncmp|rchr"
    r"|spn|str|tok)",
    "time": r"clock_gettime|gmtime_r|localtime_r|nanosleep|strftime",
    "unistd": r"chdir|dup2|ftruncate|gete?uid|getpid|lseek|pipe2|rmdir|usleep",
}
OTHER = {
    "errno": re.compile(r"\berrno\b|\bE(ACCES|AGAIN|BUSY|EXIST|INTR|INVAL|IO|NOBUFS|NODEV|NOENT|NOMEM|NOSPC|NOTSUP|PERM|RANGE)\b"),
    "inttypes": re.compile(r"\b(PRI|SCN)[dioux](8|16|32|64|MAX|PTR)\b"),
    "signal": re.compile(r"\bSIG(ABRT|CHLD|HUP|INT|KILL|PIPE|TERM|USR1|USR2)\b"),
    "stdio": re.compile(r"\bFILE\b|\bstd(err|in|out)\b"),
}


def code_of(text):
    """The text without comments, and without what stands in quotes."""
    token = r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/'
    return re.sub(token, lambda m: " " if m[0][0] == "/" else '""', text, flags=re.S)


def wanted(code, cxx):
    """Pairs of a header and a name that it brings."""
    if cxx:
        for header, names in CXX.items():
            for m in re.finditer(rf"\bstd::({names})\b", code):
                yield (header,), m[0]
    for header, names in C.items():
        if (m := re.search(rf"(?<![\w.>:])(?:std::|::)?({names})\s*\(", code)):
            yield (header + ".h", "c" + header), m[1]
    for header, names in OTHER.items():
        if m := names.search(code):
            yield (header + ".h", "c" + header), m[0]


def included(path, ours, seen):
    """The standard headers that a file includes, by way of ours too."""
    if path in seen:
        return set()
    seen.add(path)
    text = path.read_text()
    found = set(re.findall(r"^#\s*include <([^>]+)>", text, re.M))
    for name in re.findall(r'^#\s*include "([^"]+)"', text, re.M):
        for header in ours.get(pathlib.PurePath(name).name, []):
            found |= included(header, ours, seen)
    return found


root = pathlib.Path(sys.argv[1])
files = [p for top in ("lib", "app", "tests") for p in sorted((root / top).rglob("*")) if p.suffix in (".c", ".cc", ".h")]
ours = {}
for p in files:
    if p.suffix == ".h":
        ours.setdefault(p.name, []).append(p)
missing = set()
for p in files:
    have = included(p, ours, set())
    code = code_of(p.read_text())
    for headers, name in wanted(code, p.suffix == ".cc" or "std::" in code):
        if not have & set(headers):
            missing.add(f"{p.relative_to(root)}: {name} wants <{headers[-1] if p.suffix == '.cc' else headers[0]}>")
for line in sorted(missing):
    print(line)
print(f"{len(files)} files, {len(missing)} names without their header")
sys.exit(bool(missing) or not files)
