#!/usr/bin/python3
"""embed.py NAME FILE OUT.c: the file as the C array NAME with its size NAME_bytes."""
import sys

name, source, target = sys.argv[1:]
with open(source, "rb") as file:
    data = file.read()
lines = [", ".join(f"{byte}" for byte in data[i:i + 20]) for i in range(0, len(data), 20)]
with open(target, "w", encoding="ascii") as file:
    file.write(f"#include <stddef.h>\n\nextern const unsigned char {name}[];\n"
               f"extern const size_t {name}_bytes;\n"
               f"const unsigned char {name}[] = {{\n\t" + ",\n\t".join(lines) + "\n};\n"
               f"const size_t {name}_bytes = sizeof({name});\n")
