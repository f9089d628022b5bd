#!/usr/bin/python3
"""openapi_page.py OPENAPI.yaml: the contract as one page of HTML, on stdout. It loads
nothing: no script, no font, no picture."""
import html
import json
import re
import sys

import yaml

METHODS = ("get", "put", "post", "delete", "patch")
STYLE = """
:root { color-scheme: light dark; --ink: #1c1f23; --paper: #fff; --soft: #5a6472; --line: #d9dee5;
  --tint: #f4f6f9; --link: #0b57a4; --get: #0b57a4; --post: #1d6b38; --put: #8a5300; --bad: #a3262b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --paper: #14171b; --soft: #9aa5b3; --line: #333b45;
  --tint: #1c2127; --link: #7fb7f0; --get: #7fb7f0; --post: #79c993; --put: #e0aa58; --bad: #ef8b8f; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
.frame { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 78rem; margin: 0 auto; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; font-size: .87rem;
  border-right: 1px solid var(--line); }
nav h2 { font-size: .75rem; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); margin: 1.2rem 0 .3rem; }
nav a { display: block; padding: .12rem 0; color: var(--ink); overflow-wrap: anywhere; }
main { padding: 1.5rem 2rem 6rem; }
h1 { font-size: 2rem; margin: 0; } h1 small { font-size: 1rem; color: var(--soft); font-weight: normal; }
h2.tag { margin: 3rem 0 .2rem; font-size: 1.5rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.2rem; }
section > h3 { margin: 0; font-size: 1.12rem; } h4 { margin: 1.3rem 0 .4rem; font-size: .95rem; }
.where { font: .95rem ui-monospace, monospace; margin: .2rem 0 .4rem; overflow-wrap: anywhere; }
.get { color: var(--get); } .post { color: var(--post); } .put { color: var(--put); }
.method { font-weight: 700; text-transform: uppercase; font-family: ui-monospace, monospace; }
nav .method { display: inline-block; width: 2.6rem; font-size: .72rem; }
.who { color: var(--soft); font-size: .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
td, th { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .82rem; }
td:first-child { white-space: nowrap; } td p { margin: 0; }
code, pre { font-family: ui-monospace, monospace; font-size: .88em; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem; overflow-x: auto; margin: .4rem 0; }
details { margin: .25rem 0; } summary { cursor: pointer; } summary:hover { color: var(--link); }
.status { font: 700 .95rem ui-monospace, monospace; } .ok { color: var(--post); } .bad { color: var(--bad); }
.need { color: var(--bad); font-size: .8rem; }
@media (max-width: 50rem) { .frame { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 1rem; } }
"""


def text(value):
    return html.escape(str(value), quote=True)


def inline(line):
    """Of Markdown: code, bold."""
    line = re.sub(r"`([^`]+)`", r"<code>\1</code>", text(line))
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", line)


def prose(value):
    paragraphs = re.split(r"\n\s*\n", str(value or "").strip())
    return "".join(f"<p>{inline(' '.join(p.split()))}</p>" for p in paragraphs if p)


class Page:
    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for step in node["$ref"][2:].split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    # ---- schemas

    def kind(self, schema):
        """A schema in a few words, with links to those that have a name."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f'<a href="#schema-{text(name)}">{text(name)}</a>'
        if "const" in schema:
            return f"<code>{text(json.dumps(schema['const']))}</code>"
        if "enum" in schema:
            return " | ".join(f"<code>{text(v)}</code>" for v in schema["enum"])
        if "oneOf" in schema:
            return " or ".join(self.kind(s) for s in schema["oneOf"])
        if schema.get("type") == "array":
            return f"array of {self.kind(schema['items'])}{self.limits(schema)}"
        return f"{text(schema.get('type', 'any'))}{self.limits(schema)}"

    @staticmethod
    def limits(schema):
        parts = []
        for low, high, unit in (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"),
                                ("minItems", "maxItems", " items")):
            if low in schema and high in schema:
                parts.append(f"{schema[low]} to {schema[high]}{unit}")
            elif low in schema:
                parts.append(f"at least {schema[low]}{unit}")
            elif high in schema:
                parts.append(f"at most {schema[high]}{unit}")
        for name in ("pattern", "format", "default"):
            if name in schema:
                value = f"<code>{text(schema[name])}</code>"
                parts.append(value if name == "pattern" else f"{name} {value}")
        return f", {', '.join(parts)}" if parts else ""

    def fields(self, schema):
        """A table of an object's members; inner objects below their own."""
        rows = []
        self.add_fields(rows, schema, "")
        if not rows:
            return f"<p>{self.kind(schema)}</p>"
        return ("<table><tr><th>field</th><th>type</th><th></th></tr>" + "".join(rows) + "</table>")

    def add_fields(self, rows, schema, prefix):
        for name, member in schema.get("properties", {}).items():
            need = ' <span class="need">required</span>' if name in schema.get("required", []) else ""
            rows.append(f"<tr><td><code>{text(prefix + name)}</code>{need}</td><td>{self.kind(member)}</td>"
                        f"<td>{prose(member.get('description'))}</td></tr>")
            for inner, mark in self.inner(member):
                self.add_fields(rows, inner, prefix + name + mark)

    @staticmethod
    def inner(member):
        for one in [member, *member.get("oneOf", [])]:
            if one.get("type") == "object":
                yield one, "."
            if one.get("type") == "array":
                yield one["items"], "[]."

    # ---- operations

    def examples(self, media, body):
        out = []
        for name, example in body.get("examples", {}).items():
            value = self.resolve(example)["value"]
            shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
            out.append(f"<details><summary>example: {text(name)}</summary><pre>{text(shown)}</pre></details>")
        kind = self.kind(body["schema"]) if "$ref" in body["schema"] else ""
        return f"<p><code>{text(media)}</code> {kind}</p>{''.join(out)}"

    def parameters(self, parameters):
        if not parameters:
            return ""
        rows = "".join(
            f"<tr><td><code>{text(p['name'])}</code>{' <span class=need>required</span>' if p.get('required') else ''}"
            f"</td><td>{text(p['in'])}</td><td>{self.kind(p['schema'])}</td><td>{prose(p['description'])}</td></tr>"
            for p in parameters)
        return f"<h4>Parameters</h4><table><tr><th>name</th><th>in</th><th>type</th><th></th></tr>{rows}</table>"

    def body(self, body):
        if body is None:
            return ""
        out = "<h4>Body</h4>"
        for media, content in body["content"].items():
            out += self.examples(media, content)
            if "$ref" not in content["schema"]:
                out += self.fields(content["schema"])
        return out

    def response(self, status, response):
        mood = "ok" if status < "400" and status != "default" else "bad"
        headers = "".join(f"<tr><td><code>{text(name)}</code></td>"
                          f"<td>{prose(self.resolve(header).get('description'))}</td></tr>"
                          for name, header in response.get("headers", {}).items())
        content = "".join(self.examples(media, body) for media, body in response.get("content", {}).items())
        return (f'<details><summary><span class="status {mood}">{text(status)}</span> '
                f"{inline(' '.join(response['description'].split()))}</summary>"
                f"{f'<table>{headers}</table>' if headers else ''}{content}</details>")

    def operation(self, path, method, operation, parameters):
        roles = operation.get("x-roles", [])
        who = f"for the roles {', '.join(roles)}" if roles else "for everybody, without a token"
        responses = "".join(self.response(status, self.resolve(r)) for status, r in operation["responses"].items())
        return (f'<section id="{text(operation["operationId"])}"><h3>{text(operation["summary"])}</h3>'
                f'<div class="where"><span class="method {method}">{method}</span> {text(path)}</div>'
                f'<div class="who">{text(who)}</div>{prose(operation.get("description"))}'
                f"{self.parameters(parameters)}{self.body(operation.get('requestBody'))}"
                f"<h4>Answers</h4>{responses}</section>")

    # ---- the page

    def operations(self, tag):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if tag in item.get(method, {}).get("tags", []):
                    yield (path, method, item[method],
                           [self.resolve(p) for p in item.get("parameters", []) + item[method].get("parameters", [])])

    def navigation(self):
        out = []
        for tag in self.document["tags"]:
            out.append(f"<h2>{text(tag['name'])}</h2>")
            for path, method, operation, _ in self.operations(tag["name"]):
                out.append(f'<a href="#{text(operation["operationId"])}"><span class="method {method}">{method}</span>'
                           f"{text(path)}</a>")
        out.append("<h2>schemas</h2>")
        out += [f'<a href="#schema-{text(name)}">{text(name)}</a>' for name in self.document["components"]["schemas"]]
        return "".join(out)

    def main(self):
        info = self.document["info"]
        out = [f"<h1>{text(info['title'])} <small>API, version {text(info['version'])}</small></h1>",
               f"<p>{text(info['summary'])}</p>", prose(info["description"]),
               '<p>The contract itself: <a href="/openapi.yaml">openapi.yaml</a></p>']
        for scheme in self.document["components"]["securitySchemes"].values():
            out.append(f"<h2 class=tag>Who may do what</h2>{prose(scheme['description'])}")
        for tag in self.document["tags"]:
            out.append(f"<h2 class=tag>{text(tag['name'].capitalize())}</h2>{prose(tag['description'])}")
            out += [self.operation(*operation) for operation in self.operations(tag["name"])]
        out.append("<h2 class=tag>Schemas</h2>")
        for name, schema in self.document["components"]["schemas"].items():
            out.append(f'<section id="schema-{text(name)}"><h3>{text(name)}</h3>{prose(schema.get("description"))}'
                       f"{self.fields(schema)}</section>")
        return "\n".join(out)

    def html(self):
        return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
                '<meta name="viewport" content="width=device-width, initial-scale=1">'
                f"<title>{text(self.document['info']['title'])} API</title><style>{STYLE}</style></head>\n"
                f'<body><div class="frame"><nav aria-label="Contents">{self.navigation()}</nav>\n'
                f"<main>{self.main()}</main></div></body></html>\n")


class Loader(yaml.SafeLoader):
    """A time stays the text that it is."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(Page(yaml.load(source, Loader)).html())
