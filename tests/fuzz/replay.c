/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main of a fuzz target where there is no fuzzing engine: replays the files of the folders (and
 * the files) named, each in memory of its own size, so that a sanitizer sees a byte too far. A
 * finding ends the program; so does a corpus that is not there.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, long size)
{
	uint8_t *data = malloc((size_t)size);
	FILE *f = fopen(path, "rb");
	int ret = -1;

	if (f != NULL && (data != NULL || size == 0) &&
	    fread(data, 1, (size_t)size, f) == (size_t)size) {
		(void)LLVMFuzzerTestOneInput(data, (size_t)size);
		ret = 1;
	}
	if (f != NULL)
		fclose(f);
	free(data);
	return ret;
}

/* Returns how many files were replayed, or -1. */
static int replay(const char *path)
{
	struct dirent *entry;
	struct stat st;
	int n = 0;
	DIR *dir;

	if (stat(path, &st) != 0)
		return -1;
	if (S_ISREG(st.st_mode))
		return replay_file(path, st.st_size);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while (n >= 0 && (entry = readdir(dir)) != NULL) {
		char file[4096];
		int got;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		got = replay(file);
		n = got < 0 ? got : n + got;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const int n = replay(argv[i]);

		if (n <= 0) {
			fprintf(stderr, "%s: no corpus to replay\n", argv[i]);
			return 1;
		}
		printf("%s: %d inputs replayed\n", argv[i], n);
	}
	return 0;
}
