package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strings"
)

// mutant is one change of a file.
type mutant struct {
	file, function, change string
	line, number           int // number tells apart equal changes in one function
	id                     int // its number in the switched package, from 1
	at, end                int // what is replaced
	with                   string
}

// key names a mutant by its function and change, so that edits elsewhere in the file leave the name as it is.
func (m *mutant) key() string {
	return fmt.Sprintf("%s %s: %s #%d", filepath.ToSlash(m.file), m.function, m.change, m.number)
}

// alone is the source with this mutant.
func (m *mutant) alone(source string) string { return source[:m.at] + m.with + source[m.end:] }

// site is a place of the source and its mutants. Sites are expressions, or statements that mutants remove.
type site struct {
	from, to  int
	statement bool
	kind      string // of the expression, as the file spells it; "" if it cannot
	fixed     bool   // a constant has to stay here, so that no mutant can be switched on
	mutants   []*mutant
}

// swaps are the operators and what each becomes.
var swaps = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
}

// editor collects the sites of one file, an outer one before those inside it.
type editor struct {
	files        *token.FileSet
	path, source string
	kindOf       func(ast.Expr) string
	function     string
	fixed        bool
	seen         map[string]int
	sites        []*site
	received     ast.Stmt // what a case of a select waits for
}

func sitesOf(files *token.FileSet, path, source string, tree *ast.File, kindOf func(ast.Expr) string) []*site {
	e := &editor{files: files, path: path, source: source, kindOf: kindOf, seen: map[string]int{}}
	for _, d := range tree.Decls {
		e.function, e.fixed = "-", false
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil {
				continue
			}
			e.function = d.Name.Name
			ast.Inspect(d.Body, e.visit)
			continue
		case *ast.GenDecl:
			e.fixed = d.Tok == token.CONST
		}
		ast.Inspect(d, e.visit)
	}
	return e.sites
}

func (e *editor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ArrayType:
		return n.Len == nil // a length is a constant
	case *ast.GenDecl:
		if n.Tok == token.CONST && e.function != "-" {
			return false
		}
	case *ast.CommClause:
		e.received = n.Comm
	case *ast.BinaryExpr:
		s := e.site(n, n)
		for _, to := range swaps[n.Op] {
			at := e.offset(n.OpPos)
			e.add(s, at, at+len(n.Op.String()), to.String(), e.text(n)+" with "+to.String())
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			e.rewrite(n, e.all(n.X), e.text(n)+" without !")
		}
	case *ast.IfStmt:
		e.rewrite(n.Cond, "!("+e.all(n.Cond)+")", e.text(n.Cond)+" negated")
	case *ast.ReturnStmt:
		e.results(n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			e.remove(n)
		}
	case *ast.ExprStmt, *ast.IncDecStmt:
		e.remove(n.(ast.Stmt))
	}
	return true
}

// results turns around what is returned, where its kind can be told from the source.
func (e *editor) results(n *ast.ReturnStmt) {
	for _, r := range n.Results {
		switch x := r.(type) {
		case *ast.Ident:
			if x.Name == "true" || x.Name == "false" {
				e.result(x, map[string]string{"true": "false", "false": "true"}[x.Name])
			}
		case *ast.BasicLit:
			if x.Kind == token.STRING && x.Value != `""` {
				e.result(x, `""`)
			}
			if x.Kind == token.INT {
				e.result(x, x.Value+"+1")
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				e.rewrite(x, "!("+e.all(x)+")", e.text(x)+" negated")
			}
		}
	}
}

func (e *editor) offset(p token.Pos) int { return e.files.Position(p).Offset }

func (e *editor) all(n ast.Node) string { return e.source[e.offset(n.Pos()):e.offset(n.End())] }

func (e *editor) text(n ast.Node) string {
	text := strings.Join(strings.Fields(e.all(n)), " ")
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:57]) + "..."
	}
	return text
}

func (e *editor) result(n ast.Expr, to string) { e.rewrite(n, to, "return "+e.text(n)+" as "+to) }

func (e *editor) rewrite(n ast.Expr, to, change string) {
	e.add(e.site(n, n), e.offset(n.Pos()), e.offset(n.End()), to, change)
}

// remove takes a statement away. A variable that nothing else uses then no longer compiles, which is no verdict; nor does a select without what it
// waits for.
func (e *editor) remove(n ast.Stmt) {
	if n == e.received {
		return
	}
	e.add(e.site(n, nil), e.offset(n.Pos()), e.offset(n.End()), "_ = 0", e.text(n)+" removed")
}

func (e *editor) site(n ast.Node, expression ast.Expr) *site {
	s := &site{from: e.offset(n.Pos()), to: e.offset(n.End()), statement: expression == nil, fixed: e.fixed}
	if expression != nil {
		s.kind = e.kindOf(expression)
	}
	e.sites = append(e.sites, s)
	return s
}

func (e *editor) add(s *site, from, to int, with, change string) {
	id := e.function + change
	e.seen[id]++
	s.mutants = append(s.mutants, &mutant{
		file: e.path, function: e.function, change: change, number: e.seen[id], at: from, end: to, with: with,
		line: 1 + strings.Count(e.source[:s.from], "\n"),
	})
}
