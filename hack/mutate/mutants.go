package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// mutant is a file with one change.
type mutant struct {
	function, change string
	line, number     int // number tells apart equal changes in one function
	content          []byte
}

// key names a mutant by its function and change, so that edits elsewhere in the file leave the name as it is.
func (m mutant) key(file string) string {
	return fmt.Sprintf("%s %s: %s #%d", filepath.ToSlash(file), m.function, m.change, m.number)
}

// swaps are the operators and what each becomes.
var swaps = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
}

// editor collects the mutants of one file.
type editor struct {
	files    *token.FileSet
	source   []byte
	function string
	seen     map[string]int
	all      []mutant
}

func mutantsOf(file string) ([]mutant, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	e := &editor{files: token.NewFileSet(), source: source, seen: map[string]int{}}
	tree, err := parser.ParseFile(e.files, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			e.function = f.Name.Name
			ast.Inspect(f.Body, e.visit)
		} else if !ok {
			e.function = "-"
			ast.Inspect(d, e.visit)
		}
	}
	return e.all, nil
}

func (e *editor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		for _, to := range swaps[n.Op] {
			at := e.offset(n.OpPos)
			e.add(n.Pos(), at, at+len(n.Op.String()), to.String(), e.text(n)+" with "+to.String())
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			e.replace(n, n.X, "without !")
		}
	case *ast.IfStmt:
		e.wrap(n.Cond, "!(", ")", "negated")
	case *ast.ReturnStmt:
		e.results(n)
	case *ast.ExprStmt:
		e.remove(n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			e.remove(n)
		}
	case *ast.IncDecStmt:
		e.remove(n)
	}
	return true
}

// results turns around what is returned, where its kind can be told from the source.
func (e *editor) results(n *ast.ReturnStmt) {
	for _, r := range n.Results {
		switch x := r.(type) {
		case *ast.Ident:
			switch x.Name {
			case "true":
				e.swap(x, "false")
			case "false":
				e.swap(x, "true")
			}
		case *ast.BasicLit:
			if x.Kind == token.STRING && x.Value != `""` {
				e.swap(x, `""`)
			}
			if x.Kind == token.INT {
				e.swap(x, x.Value+"+1")
			}
		case *ast.BinaryExpr, *ast.CallExpr:
			if b, ok := x.(*ast.BinaryExpr); ok && (b.Op == token.LAND || b.Op == token.LOR) {
				e.wrap(x, "!(", ")", "negated")
			}
		}
	}
}

func (e *editor) offset(p token.Pos) int { return e.files.Position(p).Offset }

func (e *editor) text(n ast.Node) string {
	text := strings.Join(strings.Fields(string(e.source[e.offset(n.Pos()):e.offset(n.End())])), " ")
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:57]) + "..."
	}
	return text
}

func (e *editor) swap(n ast.Node, to string) {
	e.add(n.Pos(), e.offset(n.Pos()), e.offset(n.End()), to, "return "+e.text(n)+" as "+to)
}

func (e *editor) wrap(n ast.Node, before, after, what string) {
	from, to := e.offset(n.Pos()), e.offset(n.End())
	e.add(n.Pos(), from, to, before+string(e.source[from:to])+after, e.text(n)+" "+what)
}

// replace keeps only a part of a node.
func (e *editor) replace(n, by ast.Node, what string) {
	e.add(n.Pos(), e.offset(n.Pos()), e.offset(n.End()), string(e.source[e.offset(by.Pos()):e.offset(by.End())]), e.text(n)+" "+what)
}

// remove takes a statement away. A variable that nothing else uses then no longer compiles, which is no verdict.
func (e *editor) remove(n ast.Node) {
	e.add(n.Pos(), e.offset(n.Pos()), e.offset(n.End()), "_ = 0", e.text(n)+" removed")
}

func (e *editor) add(at token.Pos, from, to int, with, change string) {
	id := e.function + change
	e.seen[id]++
	content := bytes.Join([][]byte{e.source[:from], []byte(with), e.source[to:]}, nil)
	e.all = append(e.all, mutant{function: e.function, change: change, line: e.files.Position(at).Line, number: e.seen[id], content: content})
}
