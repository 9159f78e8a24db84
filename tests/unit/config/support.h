// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <gtest/gtest.h>

#include "sl_config.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace config_test
{

// A loaded configuration, or the message of its refusal as "file:line: text".
struct Loaded {
	std::unique_ptr<sl_config> config = std::make_unique<sl_config>();
	sl_config_error error = {};
	int rc = 0;

	Loaded() = default;
	Loaded(const Loaded &) = delete;
	~Loaded()
	{
		sl_config_fini(config.get());
	}
	std::string message() const
	{
		char text[2048];
		return rc == 0 ? "" : sl_config_error_format(&error, text, sizeof(text));
	}
	const sl_config *operator->() const
	{
		return config.get();
	}
};

inline std::unique_ptr<Loaded> load_string(const std::string &text)
{
	auto loaded = std::make_unique<Loaded>();
	loaded->rc =
		sl_config_load_string(text.c_str(), "t.cfg", loaded->config.get(), &loaded->error);
	return loaded;
}

inline std::unique_ptr<Loaded> load_file(const std::string &path)
{
	auto loaded = std::make_unique<Loaded>();
	loaded->rc = sl_config_load(path.c_str(), loaded->config.get(), &loaded->error);
	return loaded;
}

// The message for `text`; "" when it is no error.
inline std::string refusal(const std::string &text)
{
	return load_string(text)->message();
}

// What every configuration has to have, in one line.
inline std::string with_link(const std::string &text)
{
	return "links = ( { name = \"edge\"; outside = \"a\"; inside = \"b\"; } );\n" + text;
}

// A folder of this test alone, gone afterwards.
class Folder
{
      public:
	Folder()
	{
		char name[] = "/tmp/sluice-config-XXXXXX";
		path_ = mkdtemp(name);
	}
	Folder(const Folder &) = delete;
	~Folder()
	{
		std::filesystem::remove_all(path_);
	}
	std::string path(const std::string &file) const
	{
		return path_ + "/" + file;
	}
	std::string write(const std::string &file, const std::string &text) const
	{
		std::filesystem::create_directories(
			std::filesystem::path(path(file)).parent_path());
		std::ofstream(path(file), std::ios::binary) << text;
		return path(file);
	}

      private:
	std::string path_;
};

} // namespace config_test
