package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// switchCode is added to the package: it says which mutant is the one of this process, and notes which mutants are come by.
const switchCode = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var mutantActive, _ = strconv.Atoi(os.Getenv("MUTANT"))

var mutantsReached [%d]atomic.Bool

var mutantsFile = func() *os.File {
	f, _ := os.OpenFile(os.Getenv("MUTANTS_REACHED"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	return f
}()

func mutated(id int) bool {
	if mutantActive != 0 {
		return mutantActive == id
	}
	if mutantsFile != nil && !mutantsReached[id].Load() && !mutantsReached[id].Swap(true) {
		_, _ = mutantsFile.WriteString(strconv.Itoa(id) + "\n")
	}
	return false
}
`

// switched is the source with all mutants of its sites in it, each to be switched on by its number. What is inside a mutant is left as it was.
func switched(source string, sites []*site) string {
	sites = slices.DeleteFunc(slices.Clone(sites), func(s *site) bool { return len(s.live()) == 0 })
	slices.SortStableFunc(sites, func(a, b *site) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	text, _ := inside(source, sites, 0, len(source))
	return text
}

// inside is the part of the source from..to with the sites in it, and the sites that are left.
func inside(source string, sites []*site, from, to int) (string, []*site) {
	var out strings.Builder
	for len(sites) > 0 && sites[0].from < to {
		s := sites[0]
		out.WriteString(source[from:s.from])
		var inner string
		inner, sites = inside(source, sites[1:], s.from, s.to)
		out.WriteString(s.around(source, inner))
		from = s.to
	}
	out.WriteString(source[from:to])
	return out.String(), sites
}

// live are the mutants that can be switched on.
func (s *site) live() []*mutant {
	if s.fixed || !s.statement && s.kind == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.mutants), func(m *mutant) bool { return m.id == 0 })
}

// around is a function that is called at once; all its lines but those of the source are one.
func (s *site) around(source, inner string) string {
	if s.statement {
		return fmt.Sprintf("func() { if !mutated(%d) { %s } }()", s.mutants[0].id, inner)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "func() %s { ", s.kind)
	for _, m := range s.live() {
		fmt.Fprintf(&out, "if mutated(%d) { return %s }; ", m.id, source[s.from:m.at]+m.with+source[m.end:s.to])
	}
	fmt.Fprintf(&out, "return %s }()", inner)
	return out.String()
}

var switchCall = regexp.MustCompile(`mutated\((\d+)\)`)

// blamed is the last mutant before a place that does not compile, 0 if there is none.
func blamed(text string, offset int) int {
	all := switchCall.FindAllStringSubmatch(text[:min(offset, len(text))], -1)
	if len(all) == 0 {
		return 0
	}
	id, _ := strconv.Atoi(all[len(all)-1][1])
	return id
}
