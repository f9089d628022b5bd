# cmake -DFOLDER=schema/messaging -DOUTPUT=messaging.c -P embed.cmake
# Writes the migrations of a folder as C, byte by byte: the same files give the
# same text, on any machine.
file(GLOB paths ${FOLDER}/*.sql)
list(SORT paths)
set(arrays "")
set(rows "")
set(n 0)
foreach(path IN LISTS paths)
	get_filename_component(name ${path} NAME)
	file(READ ${path} bytes HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
	# Sixteen bytes a line.
	string(REGEX REPLACE
		"(................................................................................)"
		"\\1\n\t" bytes "${bytes}")
	string(APPEND arrays
		"static const unsigned char file_${n}[] = {\n\t${bytes}0x00\n};\n\n")
	string(APPEND rows
		"\t{ \"${name}\", (const char *)file_${n},\n"
		"\t  sizeof(file_${n}) - 1 },\n")
	math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Made by embed.cmake from schema/messaging/. */
#include \"migrate/messaging.h\"

${arrays}const struct wb_migration_file wb_messaging_files[] = {
${rows}};
const size_t wb_messaging_n_files = ${n};
")
