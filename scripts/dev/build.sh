# shellcheck shell=sh
# CMake and Ninja; the output is shown when somebody watches or something fails.

# build_configure PRESET
build_configure() {
	build_log=$ROOT/build/$1.log
	mkdir -p "$ROOT/build"
	(cd "$ROOT" && cmake --preset "$1") >"$build_log" 2>&1 || {
		show_tail "$build_log" 40
		die "cmake failed" "the whole log is build/$1.log"
	}
}

# build_preset PRESET [CMAKE_ARGUMENT...]
build_preset() {
	say "building ($1)"
	build_configure "$1"
	build_folder=$ROOT/build/$1
	shift
	if [ -t 1 ]; then
		cmake --build "$build_folder" "$@" || die "the build failed"
		return 0
	fi
	cmake --build "$build_folder" "$@" >"$build_log" 2>&1 || {
		show_tail "$build_log" 40
		die "the build failed" "the whole log is build/${build_log##*/}"
	}
}

cmd_build() {
	case ${1:-} in
	clang | fuzz) PACKAGES="$PACKAGES clang" ;;
	esac
	packages_ensure
	build_preset "${1:-release}"
}

