"""The modules of a crate: what each contains, imports and names."""
from module_graph.tokens import CLOSE, DECLARATIONS, ITEM_WORDS, OPEN, matching, tokens_of, without_tests


class Module:
    """A module: a file, or a `mod name { }` inside one, which belongs to its file."""

    def __init__(self, root, path, file, parent, inline=False):
        self.root, self.path, self.file, self.parent = root, path, file, parent
        self.home = parent.home if inline else self
        self.children = {}
        self.items = set()
        self.imports = {}  # name -> path
        self.globs = []
        self.uses = []  # (path, line, re-exported name or None)
        self.paths = []  # (path, line), in code
        self.unsafe = []  # lines

    @property
    def name(self):
        return "::".join((self.root.name, *self.path))

    def is_at_or_above(self, other):
        return self.root is other.root and other.path[:len(self.path)] == self.path


class Root:
    """A library or a binary: what `crate` stands for."""

    def __init__(self, name, crate, source):
        self.name, self.crate = name, crate
        self.modules, self.beside = [], []
        self.module = self.read(Module(self, (), source, None), source.parent)

    def read(self, module, folder):
        self.modules.append(module)
        Reader(self, module, folder).run(without_tests(tokens_of(module.file.read_text())))
        return module

    def add_file(self, parent, name, folder):
        flat, nested = folder / f"{name}.rs", folder / name / "mod.rs"
        file = flat if flat.exists() else nested
        if not file.exists():
            return
        if flat.exists() and (folder / name).is_dir():
            self.beside.append(flat)
        module = parent.children[name] = Module(self, (*parent.path, name), file, parent)
        self.read(module, folder / name)


class Reader:
    """Takes one file apart: what its modules contain, import and name."""

    def __init__(self, root, module, folder):
        self.root, self.module, self.folder = root, module, folder

    def run(self, tokens):
        self.tokens, self.at = tokens, 0
        self.nest = []  # what each open bracket is: a module's, transparent or opaque
        while self.at < len(tokens):
            self.step()

    def text(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def is_word(self, ahead=0):
        at = self.at + ahead
        return at < len(self.tokens) and self.tokens[at].kind == "word"

    def step(self):
        token, text = self.tokens[self.at], self.text()
        if text in OPEN:
            self.open(text)
        elif text in CLOSE:
            self.close()
        elif token.kind == "word" and self.text(-1) != ".":
            self.word(text, token.line)
        elif text == "::" and self.is_word(1) and self.tokens[self.at - 1].kind != "word" and self.text(-1) != ">":
            self.at += 1
            self.path()
        else:
            self.at += 1

    def open(self, text):
        transparent = text == "{" and (self.text(-1) == "!" or self.text(-2) == "!") and self.text(-3) != "macro_rules"
        self.nest.append("transparent" if transparent and self.at_item_level() else "opaque")
        self.at += 1

    def close(self):
        if self.nest and self.nest.pop() == "module":
            self.module, self.folder = self.module.parent, self.folder.parent
        self.at += 1

    def at_item_level(self):
        return "opaque" not in self.nest

    def word(self, text, line):
        if text == "use" and self.text(1) != "<":
            self.use(line)
        elif text == "mod" and self.is_word(1):
            self.mod()
        elif text == "pub" and self.text(1) == "(":
            self.visibility()
        elif text in ITEM_WORDS and self.is_word(1):
            self.item(self.text(1))
        elif text == "macro_rules" and self.text(1) == "!":
            self.module.items.add(self.text(2))
            self.at += 3
        elif text == "unsafe":
            self.module.unsafe.append(line)
            self.at += 1
        else:
            self.path()

    def item(self, name):
        if name in DECLARATIONS:  # `const fn`
            self.at += 1
            return
        if self.at_item_level():
            self.module.items.add(name)
        self.at += 2

    def visibility(self):
        self.at += 1
        end = matching(self.tokens, self.at)
        inside = [token.text for token in self.tokens[self.at + 1:end - 1]]
        # `pub (crate::A, B)` is a field of a tuple struct.
        if inside in (["crate"], ["self"], ["super"]) or inside[:1] == ["in"]:
            self.at = end

    def mod(self):
        name, after = self.text(1), self.text(2)
        self.at += 3
        if after == ";" and self.at_item_level():
            self.root.add_file(self.module, name, self.folder)
        elif after == "{":
            inner = self.module.children[name] = Module(
                self.root, (*self.module.path, name), self.module.file, self.module, inline=True
            )
            self.root.modules.append(inner)
            self.module, self.folder = inner, self.folder / name
            self.nest.append("module")

    def use(self, line):
        public = self.text(-1) == "pub" or self.text(-1) == ")" and "pub" in (self.text(-4), self.text(-6))
        self.at += 1
        if self.text() == "::":
            self.at += 1
        self.use_tree((), public)
        if self.text() == ";":
            self.at += 1

    def use_tree(self, prefix, public):
        line = self.tokens[self.at].line
        while self.is_word() and self.text(1) == "::":
            prefix = (*prefix, self.text())
            self.at += 2
        if self.text() == "{":
            self.at += 1
            while self.at < len(self.tokens) and self.text() != "}":
                self.use_tree(prefix, public)
                if self.text() == ",":
                    self.at += 1
            self.at += 1
        elif self.text() == "*":
            self.module.globs.append(prefix)
            self.module.uses.append((prefix, line, None, public))
            self.at += 1
        else:
            self.use_leaf(prefix, public, line)

    def use_leaf(self, prefix, public, line):
        path = prefix if self.text() == "self" and prefix else (*prefix, self.text())
        name = path[-1]
        self.at += 1
        if self.text() == "as":
            name = self.text(1)
            self.at += 2
        if name != "_":
            self.module.imports[name] = path
        self.module.uses.append((path, line, name, public))

    def path(self):
        line, path = self.tokens[self.at].line, [self.text()]
        self.at += 1
        while self.text() == "::" and self.is_word(1):
            path.append(self.text(1))
            self.at += 2
        # A single word may be a variable or a field, unless it looks like a type, a constant, a call or a macro.
        if len(path) > 1 or path[0][0].isupper() or self.text() in ("(", "!"):
            self.module.paths.append((tuple(path), line))
