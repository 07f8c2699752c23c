package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// code is a package, as the go command sees it.
type code struct {
	path, name, folder string
	files              []string // of the package, from the folder in which the tool runs
	sources            map[string]string
	sites              map[string][]*site
	exports            map[string]string // compiled, what it imports
	all                []*mutant
}

// load reads a package and finds its mutants.
func load(ctx context.Context, folder string) (*code, error) {
	c := &code{folder: folder, sources: map[string]string{}, sites: map[string][]*site{}, exports: map[string]string{}}
	if err := c.list(ctx); err != nil {
		return nil, err
	}
	for _, file := range c.files {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c.sources[file] = string(source)
	}
	files, trees, info, problems := c.check(c.sources)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s does not compile: %w", folder, problems[0])
	}
	for _, file := range c.files {
		if strings.Contains(filepath.Base(file), "zz_generated") {
			continue
		}
		kindOf := func(e ast.Expr) string { return spelled(info.TypeOf(e), trees[file], c.path) }
		c.sites[file] = sitesOf(files, file, c.sources[file], trees[file], kindOf)
		for _, s := range c.sites[file] {
			for _, m := range s.mutants {
				c.all = append(c.all, m)
				m.id = len(c.all)
			}
		}
	}
	c.dropUnswitchable()
	return c, nil
}

// list asks the go command for the files and for what they import.
func (c *code) list(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-export", "-deps", "-json=ImportPath,Name,Dir,GoFiles,Export", "./"+filepath.ToSlash(c.folder))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Name, Dir, Export string
			GoFiles                       []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		c.exports[p.ImportPath] = p.Export
		c.path, c.name, c.files = p.ImportPath, p.Name, nil // the last one is the package itself
		for _, f := range p.GoFiles {
			c.files = append(c.files, filepath.Join(c.folder, f))
		}
	}
}

// check compiles sources as far as finding errors goes.
func (c *code) check(sources map[string]string) (*token.FileSet, map[string]*ast.File, *types.Info, []types.Error) {
	files, trees := token.NewFileSet(), map[string]*ast.File{}
	var list []*ast.File
	var problems []types.Error
	for _, file := range c.files {
		tree, err := parser.ParseFile(files, file, sources[file], parser.SkipObjectResolution)
		if err != nil {
			return files, trees, nil, []types.Error{{Fset: files, Msg: err.Error()}}
		}
		trees[file], list = tree, append(list, tree)
	}
	if extra, found := sources[switchFile]; found {
		if tree, err := parser.ParseFile(files, switchFile, extra, 0); err == nil {
			list = append(list, tree)
		}
	}
	config := types.Config{
		Importer: importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(c.exports[path]) }),
		Error: func(err error) {
			var problem types.Error
			if errors.As(err, &problem) {
				problems = append(problems, problem)
			}
		},
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	_, _ = config.Check(c.path, files, list, info)
	return files, trees, info, problems
}

// spelled is a type as a file can write it; "" if it does not import the type's package.
func spelled(t types.Type, file *ast.File, own string) string {
	if t == nil {
		return ""
	}
	unknown := false
	text := types.TypeString(types.Default(t), func(p *types.Package) string {
		if p.Path() == own {
			return ""
		}
		for _, i := range file.Imports {
			if strings.Trim(i.Path.Value, `"`) == p.Path() {
				if i.Name != nil {
					return i.Name.Name
				}
				return p.Name()
			}
		}
		unknown = true
		return p.Name()
	})
	if unknown || strings.Contains(text, "invalid type") {
		return ""
	}
	return text
}

// switchFile is what is added to the package.
const switchFile = "zz_mutants.go"

// switchable are the sources with every mutant that has a number in them.
func (c *code) switchable() map[string]string {
	all := map[string]string{switchFile: fmt.Sprintf(switchCode, c.name, len(c.all)+1)}
	for _, file := range c.files {
		all[file] = switched(c.sources[file], c.sites[file])
	}
	return all
}

// dropUnswitchable takes their number from the mutants that do not compile beside the code that they change; they are tried alone.
func (c *code) dropUnswitchable() {
	byID := map[int]*mutant{}
	for _, m := range c.all {
		byID[m.id] = m
	}
	for _, sites := range c.sites {
		for _, s := range sites {
			if len(s.live()) == 0 {
				for _, m := range s.mutants {
					m.id = 0
				}
			}
		}
	}
	for {
		sources := c.switchable()
		files, _, _, problems := c.check(sources)
		dropped := false
		for _, p := range problems {
			at := files.Position(p.Pos)
			if m := byID[blamed(sources[at.Filename], at.Offset)]; m != nil && m.id != 0 {
				m.id, dropped = 0, true
			}
		}
		if !dropped {
			return
		}
	}
}
