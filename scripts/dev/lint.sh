# shellcheck shell=sh
# ./dev lint: what the compilers do not say. Layout is that of .clang-format, the
# checks are those of .clang-tidy; both are of version 14, whose answers differ
# from those of other versions.

LINT_PACKAGES="clang-format-14 clang-tidy-14 cppcheck shellcheck"
LINT_ROOMS="lib shop producers consumers outbox-relay cli examples tests bench"

# Runs every check, so that one run shows everything.
cmd_lint() {
	[ $# -eq 0 ] || die "./dev lint takes no argument: $1"
	PACKAGES="$PACKAGES $LINT_PACKAGES"
	packages_ensure
	cd "$ROOT"
	lint_failed=
	lint_run shellcheck lint_shell
	lint_run "lines per file" lint_size
	lint_run clang-format lint_layout
	lint_run cppcheck lint_cppcheck
	lint_run clang-tidy lint_tidy
	[ -z "$lint_failed" ] || die "not clean: ${lint_failed#, }"
}

# lint_run NAME FUNCTION
lint_run() {
	say "$1"
	"$2" || lint_failed="$lint_failed, $1"
}

# -a: the sourced files too, as parts of dev.
lint_shell() {
	find tests -name '*.sh' -exec shellcheck -x -a \
		dev compose/make-secrets compose/token gateway/render.sh \
		scripts/dev/install.sh scripts/dev/supervise.sh \
		scripts/dev/test-pg-ctl scripts/dev/test-rabbit-ctl .ci/run {} +
}

# The length of a function is measured by clang-tidy.
lint_size() {
	# shellcheck disable=SC2086 # a list of words
	find $LINT_ROOMS -name '*.[ch]' -exec wc -l {} + | awk '
		$2 != "total" && $1 > 600 {
			print $2 ": " $1 " lines, at most 600"
			is_bad = 1
		}
		END { exit is_bad }' >&2
}

lint_layout() {
	# shellcheck disable=SC2086 # a list of words
	find $LINT_ROOMS -name '*.[ch]' -exec \
		clang-format-14 --dry-run -Werror --ferror-limit=1 {} +
}

# Left out: variableScope, a matter of taste (declarations stand at the head of
# their block), and constParameter, which a callback's type decides.
lint_cppcheck() {
	mkdir -p build/cppcheck
	# shellcheck disable=SC2086 # a list of words
	cppcheck --quiet --std=c11 --enable=warning,style,performance,portability \
		--inline-suppr --suppress=variableScope --suppress=constParameter \
		--cppcheck-build-dir=build/cppcheck -j "$(nproc)" \
		--error-exitcode=1 --template=gcc \
		-D_POSIX_C_SOURCE=200809L -DWB_CRASH_POINTS=1 '-DWB_VERSION=""' \
		-I . -I lib -I producers -I tests $LINT_ROOMS
}

# Each file once, as its own room compiles it. Some are compiled again for a fuzz
# target, and clang-tidy 14, which then reads both in one process, takes the second
# va_start for no such thing (clang-analyzer-valist.Uninitialized).
lint_database() {
	mkdir -p build/tidy
	/usr/bin/python3 - <<'END'
import json

with open("build/dev/compile_commands.json") as database:
    commands = json.load(database)
once = {command["file"]: command for command in reversed(commands)}
with open("build/tidy/compile_commands.json", "w") as database:
    json.dump(list(once.values()), database)
END
}

# It reads how each file is compiled, so CMake must have run, no more; what a
# build generates is left out.
lint_tidy() {
	mkdir -p build
	cmake --preset dev >build/dev.log 2>&1 || {
		show_tail build/dev.log 40
		return 1
	}
	lint_database || return 1
	run-clang-tidy-14 -quiet -p build/tidy "^$ROOT/(?!build/)" \
		>build/tidy.log 2>&1 && return 0
	sed 's/\x1b\[[0-9;]*m//g' build/tidy.log | grep ': error: ' | sort -u >&2
	note "the whole log is build/tidy.log"
	return 1
}
