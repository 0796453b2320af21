//! Types of files, known by their names: which globs `rust` or `make` stand for.

use crate::find::NameChoice;

/// The types, each with its globs, in alphabetical order.
const KNOWN: &[(&str, &str)] = &[
    ("ada", "*.adb *.ads"),
    ("agda", "*.agda *.lagda"),
    ("aidl", "*.aidl"),
    ("asciidoc", "*.adoc *.asc *.asciidoc"),
    ("asm", "*.asm *.s *.S"),
    ("awk", "*.awk"),
    ("bat", "*.bat"),
    ("batch", "*.bat"),
    ("bazel", "*.bazel *.bazelrc *.BUILD *.bzl BUILD MODULE.bazel WORKSPACE WORKSPACE.bazel"),
    ("c", "*.[chH] *.[chH].in *.cats"),
    ("cfml", "*.cfc *.cfm"),
    ("clojure", "*.clj *.cljc *.cljs *.cljx"),
    ("cmake", "*.cmake CMakeLists.txt"),
    ("coffeescript", "*.coffee"),
    ("config", "*.cfg *.conf *.config *.ini"),
    (
        "cpp",
        "*.[ChH] *.cc *.[ch]pp *.[ch]xx *.hh *.inl *.[ChH].in *.cc.in *.[ch]pp.in \
         *.[ch]xx.in *.hh.in",
    ),
    ("crystal", "Projectfile *.cr *.ecr shard.yml"),
    ("cs", "*.cs"),
    ("csharp", "*.cs"),
    ("cshtml", "*.cshtml"),
    ("csproj", "*.csproj"),
    ("css", "*.css *.scss"),
    ("csv", "*.csv"),
    ("cuda", "*.cu *.cuh"),
    ("cython", "*.pxd *.pxi *.pyx"),
    ("d", "*.d"),
    ("dart", "*.dart"),
    ("devicetree", "*.dts *.dtsi *.dtso"),
    ("diff", "*.diff *.patch"),
    ("docker", "*Dockerfile*"),
    ("dockercompose", "docker-compose.yml docker-compose.*.yml"),
    ("elisp", "*.el"),
    ("elixir", "*.eex *.ex *.exs *.heex *.leex *.livemd"),
    ("elm", "*.elm"),
    ("erb", "*.erb"),
    ("erlang", "*.erl *.hrl"),
    ("fennel", "*.fnl"),
    ("fish", "*.fish"),
    ("flatbuffers", "*.fbs"),
    ("fortran", "*.f *.f77 *.F *.F77 *.f90 *.F90 *.f95 *.F95 *.f03 *.F03 *.pfo"),
    ("fsharp", "*.fs *.fsi *.fsx"),
    ("gdscript", "*.gd"),
    ("gleam", "*.gleam"),
    ("glsl", "*.comp *.frag *.geom *.glsl *.tesc *.tese *.vert"),
    ("go", "*.go"),
    ("gomod", "go.mod go.sum"),
    ("gradle", "*.gradle *.gradle.kts gradle-wrapper.* gradle.properties gradlew"),
    ("graphql", "*.graphql *.graphqls"),
    ("groovy", "*.gradle *.groovy"),
    ("h", "*.h *.hh *.hpp"),
    ("haml", "*.haml"),
    ("hare", "*.ha"),
    ("haskell", "*.c2hs *.cpphs *.hs *.hsc *.lhs"),
    ("hs", "*.hs *.lhs"),
    ("html", "*.ejs *.htm *.html"),
    ("idris", "*.idr *.lidr"),
    ("janet", "*.janet"),
    ("java", "*.java *.jsp *.jspx *.properties"),
    ("jinja", "*.j2 *.jinja *.jinja2"),
    ("jl", "*.jl"),
    ("js", "*.cjs *.js *.jsx *.mjs *.vue"),
    ("json", "*.json composer.lock *.sarif"),
    ("jsonl", "*.jsonl"),
    ("julia", "*.jl"),
    ("jupyter", "*.ipynb *.jpynb"),
    ("kotlin", "*.kt *.kts"),
    ("ld", "*.ld *.lds"),
    ("lean", "*.lean"),
    ("less", "*.less"),
    (
        "license",
        "COPYING COPYING[.-]* LICENCE LICENCE[.-]* LICENSE LICENSE[.-]* NOTICE \
         NOTICE[.-]* UNLICENSE UNLICENSE[.-]*",
    ),
    ("lisp", "*.el *.jl *.lisp *.lsp *.sc *.scm"),
    ("lock", "*.lock package-lock.json"),
    ("log", "*.log"),
    ("lua", "*.lua"),
    ("m4", "*.ac *.m4"),
    (
        "make",
        "[Gg][Nn][Uu]makefile [Mm]akefile [Gg][Nn][Uu]makefile.am [Mm]akefile.am \
         [Gg][Nn][Uu]makefile.in [Mm]akefile.in Makefile.* *.mk *.mak",
    ),
    ("man", "*.[0-9lnpx] *.[0-9][cEFMmpSx]"),
    ("markdown", "*.markdown *.md *.mdown *.mdwn *.mkd *.mkdn *.mdx"),
    ("matlab", "*.m"),
    ("md", "*.markdown *.md *.mdown *.mdwn *.mkd *.mkdn *.mdx"),
    ("meson", "meson.build meson_options.txt meson.options"),
    ("minified", "*.min.html *.min.css *.min.js"),
    ("mojo", "*.mojo"),
    ("move", "*.move"),
    ("msbuild", "*.csproj *.fsproj *.vcxproj *.proj *.props *.targets *.sln *.slnf"),
    ("nim", "*.nim *.nimf *.nimble *.nims"),
    ("nix", "*.nix"),
    ("objc", "*.h *.m"),
    ("objcpp", "*.h *.mm"),
    ("ocaml", "*.ml *.mli *.mll *.mly"),
    ("odin", "*.odin"),
    ("org", "*.org *.org_archive"),
    ("pascal", "*.pas *.dpr *.lpr *.pp *.inc"),
    ("pdf", "*.pdf"),
    ("perl", "*.perl *.pl *.PL *.plh *.plx *.pm *.t"),
    ("php", "*.php *.php3 *.php4 *.php5 *.php7 *.php8 *.pht *.phtml"),
    ("po", "*.po"),
    ("pod", "*.pod"),
    ("postscript", "*.eps *.ps"),
    ("prolog", "*.pl *.pro *.prolog *.P"),
    ("protobuf", "*.proto"),
    ("ps", "*.cdxml *.ps1 *.ps1xml *.psd1 *.psm1"),
    ("puppet", "*.epp *.erb *.pp *.rb"),
    ("purs", "*.purs"),
    ("py", "*.py *.pyi"),
    ("python", "*.py *.pyi"),
    ("qml", "*.qml"),
    ("r", "*.R *.r *.Rmd *.rmd *.Rnw *.rnw"),
    ("racket", "*.rkt"),
    ("readme", "*README README*"),
    ("rst", "*.rst"),
    ("ruby", "*.gemspec *.rb *.rbw .irbrc Gemfile Rakefile config.ru"),
    ("rust", "*.rs"),
    ("sass", "*.sass *.scss"),
    ("scala", "*.scala *.sbt"),
    (
        "sh",
        "*.bash *.bashrc *.csh *.cshrc *.ksh *.kshrc *.sh *.tcsh *.zsh .bash_login \
         .bash_logout .bash_profile .bashrc .cshrc .kshrc .login .logout .profile .tcshrc \
         .zlogin .zlogout .zprofile .zshenv .zshrc bash_login bash_logout bash_profile \
         bashrc profile zlogin zlogout zprofile zshenv zshrc",
    ),
    ("slim", "*.skim *.slim *.slime"),
    ("solidity", "*.sol"),
    ("soy", "*.soy"),
    ("spec", "*.spec"),
    ("sql", "*.psql *.sql"),
    ("starlark", "*.bazel *.bzl *.star BUILD WORKSPACE"),
    ("stylus", "*.styl"),
    ("sv", "*.v *.vg *.sv *.svh *.h"),
    ("svelte", "*.svelte *.svelte.ts"),
    ("svg", "*.svg"),
    ("swift", "*.swift"),
    ("swig", "*.def *.i"),
    (
        "systemd",
        "*.automount *.conf *.device *.link *.mount *.path *.scope *.service *.slice \
         *.socket *.swap *.target *.timer",
    ),
    ("tcl", "*.tcl"),
    ("tex", "*.tex *.ltx *.cls *.sty *.bib *.dtx *.ins"),
    ("texinfo", "*.texi"),
    (
        "tf",
        "*.tf *.tf.json *.tfvars *.tfvars.json *.terraformrc terraform.rc *.tfrc \
         .terraform.lock.hcl",
    ),
    ("thrift", "*.thrift"),
    ("toml", "*.toml Cargo.lock"),
    ("ts", "*.cts *.mts *.ts *.tsx"),
    ("twig", "*.twig"),
    ("txt", "*.txt"),
    ("typescript", "*.cts *.mts *.ts *.tsx"),
    ("typst", "*.typ"),
    ("v", "*.v *.vsh"),
    ("vala", "*.vala"),
    ("vb", "*.vb"),
    ("verilog", "*.sv *.svh *.v *.vh"),
    ("vhdl", "*.vhd *.vhdl"),
    ("vim", "*.vim .gvimrc .vimrc gvimrc vimrc _gvimrc _vimrc"),
    ("vimscript", "*.vim .gvimrc .vimrc gvimrc vimrc _gvimrc _vimrc"),
    ("vue", "*.vue"),
    ("wgsl", "*.wgsl"),
    ("xml", "*.dtd *.rng *.sch *.xhtml *.xjb *.xml *.xml.dist *.xsd *.xsl *.xslt"),
    ("yacc", "*.y"),
    ("yaml", "*.yaml *.yml"),
    ("zig", "*.zig"),
    ("zsh", ".zlogin .zlogout .zprofile .zshenv .zshrc *.zsh zlogin zlogout zprofile zshenv zshrc"),
];

/// Types of files and what is chosen of them.
#[derive(Clone, Debug)]
pub struct FileTypes {
    types: Vec<(String, Vec<String>)>,
}

/// Why a type cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeError {
    /// There is no type of that name.
    Unknown(String),
    /// A definition is not `NAME:GLOB` or `NAME:include:NAME,NAME`, with names of letters and
    /// digits.
    Malformed(String),
}

impl std::fmt::Display for TypeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "there is no type of files {name:?}"),
            Self::Malformed(text) => {
                write!(f, "{text:?} is neither TYPE:GLOB nor TYPE:include:TYPE,TYPE")
            }
        }
    }
}

impl std::error::Error for TypeError {}

impl Default for FileTypes {
    fn default() -> Self {
        let split = |globs: &str| globs.split(' ').map(str::to_owned).collect();
        let types = KNOWN.iter().map(|(name, globs)| (String::from(*name), split(globs)));
        Self { types: types.collect() }
    }
}

impl FileTypes {
    /// The usual types.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The types and their globs, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.types.iter().map(|(name, globs)| (&name[..], &globs[..]))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.types.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }

    fn globs(&self, name: &str) -> Result<&[String], TypeError> {
        let index = self.find(name).map_err(|_| TypeError::Unknown(name.to_owned()))?;
        Ok(&self.types[index].1)
    }

    /// Adds what a definition says: `NAME:GLOB`, or `NAME:include:NAME,NAME` for the globs of
    /// other types.
    ///
    /// # Errors
    /// The definition is malformed, or names a type that there is not.
    pub fn add(&mut self, definition: &str) -> Result<(), TypeError> {
        let malformed = || TypeError::Malformed(definition.to_owned());
        let (name, rest) = definition.split_once(':').ok_or_else(malformed)?;
        let is_name = !name.is_empty() && name != "all" && name.chars().all(char::is_alphanumeric);
        if !is_name || rest.is_empty() {
            return Err(malformed());
        }
        let mut globs = Vec::new();
        match rest.strip_prefix("include:") {
            Some(names) => {
                for name in names.split(',') {
                    globs.extend_from_slice(self.globs(name)?);
                }
            }
            None => globs.push(rest.to_owned()),
        }
        match self.find(name) {
            Ok(index) => self.types[index].1.extend(globs),
            Err(index) => self.types.insert(index, (name.to_owned(), globs)),
        }
        Ok(())
    }

    /// Forgets a type.
    pub fn clear(&mut self, name: &str) {
        if let Ok(index) = self.find(name) {
            self.types.remove(index);
        }
    }

    /// Adds a type to what is chosen, or to what is left out; `all` is every type.
    ///
    /// # Errors
    /// There is no such type.
    pub fn choose(
        &self,
        mut names: NameChoice,
        name: &str,
        wanted: bool,
    ) -> Result<NameChoice, TypeError> {
        let globs: Vec<&String> = match name {
            "all" => self.types.iter().flat_map(|(_, globs)| globs).collect(),
            name => self.globs(name)?.iter().collect(),
        };
        for glob in globs {
            names = if wanted { names.want(glob) } else { names.leave(glob) };
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_are_in_order_and_each_is_there_once() {
        assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn types_are_added_to_included_and_forgotten() {
        let mut types = FileTypes::new();
        types.add("web:*.html").unwrap();
        types.add("web:*.css").unwrap();
        types.add("all2:include:web,rust").unwrap();
        assert_eq!(types.globs("all2").unwrap(), ["*.html", "*.css", "*.rs"]);
        types.clear("web");
        assert_eq!(types.globs("web"), Err(TypeError::Unknown("web".into())));
        for bad in ["web", "web:", ":*.x", "a-b:*.x", "all:*.x"] {
            assert_eq!(types.add(bad), Err(TypeError::Malformed(bad.into())));
        }
        assert!(types.add("x:include:nothing").is_err());
    }
}
