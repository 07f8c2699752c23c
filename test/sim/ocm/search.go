package ocm

import (
	"fmt"
	"strings"
)

// matcher reports whether a row matches a search.
type matcher func(fields map[string]string) bool

// parseSearch parses the part of the service's search language, an SQL where clause, that public clients use:
// =, != and <>, <, <=, >, >=, is, is not, like, in, not in, joined by and, or, not and parentheses.
func parseSearch(text string) (matcher, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	p := &searchParser{tokens: tokens}
	m, err := p.or()
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("unexpected %q", p.peek())
	}
	return m, err
}

// tokenize splits a search into words, operators and literals; a literal keeps its leading quote.
func tokenize(text string) ([]string, error) {
	var tokens []string
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed")
			}
			tokens = append(tokens, text[i:i+1+end])
			i += end + 2
		case strings.ContainsRune("(),", rune(c)):
			tokens = append(tokens, text[i:i+1])
			i++
		case strings.ContainsRune("=!<>", rune(c)):
			n := 1
			if i+1 < len(text) && strings.ContainsRune("=>", rune(text[i+1])) {
				n = 2
			}
			tokens = append(tokens, text[i:i+n])
			i += n
		default:
			n := strings.IndexAny(text[i:], " \t\n'(),=!<>")
			if n < 0 {
				n = len(text) - i
			}
			tokens = append(tokens, text[i:i+n])
			i += n
		}
	}
	return tokens, nil
}

type searchParser struct {
	tokens []string
}

func (p *searchParser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *searchParser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

// take consumes the keyword if it is next.
func (p *searchParser) take(keyword string) bool {
	if !strings.EqualFold(p.peek(), keyword) {
		return false
	}
	p.next()
	return true
}

func (p *searchParser) or() (matcher, error) {
	left, err := p.and()
	for err == nil && p.take("or") {
		var right matcher
		a := left
		right, err = p.and()
		left = func(f map[string]string) bool { return a(f) || right(f) }
	}
	return left, err
}

func (p *searchParser) and() (matcher, error) {
	left, err := p.term()
	for err == nil && p.take("and") {
		var right matcher
		a := left
		right, err = p.term()
		left = func(f map[string]string) bool { return a(f) && right(f) }
	}
	return left, err
}

func (p *searchParser) term() (matcher, error) {
	if p.take("not") {
		m, err := p.term()
		return func(f map[string]string) bool { return !m(f) }, err
	}
	if p.take("(") {
		m, err := p.or()
		if err == nil && !p.take(")") {
			err = fmt.Errorf("a parenthesis is not closed")
		}
		return m, err
	}
	return p.comparison()
}

func (p *searchParser) comparison() (matcher, error) {
	field := p.next()
	if field == "" || field[0] == '\'' {
		return nil, fmt.Errorf("a field name is missing")
	}
	operator := strings.ToLower(p.next())
	negated := operator == "not"
	switch {
	case negated: // not in, not like
		operator = strings.ToLower(p.next())
	case operator == "is":
		negated, operator = p.take("not"), "="
	}
	if operator == "in" {
		values, err := p.values()
		return func(f map[string]string) bool { return values[f[field]] != negated }, err
	}
	value, err := p.literal()
	if err != nil {
		return nil, err
	}
	compare := map[string]func(string) bool{
		"=":    func(v string) bool { return v == value },
		"!=":   func(v string) bool { return v != value },
		"<>":   func(v string) bool { return v != value },
		"<":    func(v string) bool { return v < value },
		"<=":   func(v string) bool { return v <= value },
		">":    func(v string) bool { return v > value },
		">=":   func(v string) bool { return v >= value },
		"like": func(v string) bool { return like(v, value) },
	}[operator]
	if compare == nil {
		return nil, fmt.Errorf("unknown operator %q", operator)
	}
	return func(f map[string]string) bool { return compare(f[field]) != negated }, nil
}

func (p *searchParser) literal() (string, error) {
	t := p.next()
	if t == "" || t == ")" || t == "," {
		return "", fmt.Errorf("a value is missing")
	}
	return strings.TrimPrefix(t, "'"), nil
}

func (p *searchParser) values() (map[string]bool, error) {
	if !p.take("(") {
		return nil, fmt.Errorf("a list of values is missing")
	}
	values := map[string]bool{}
	for {
		v, err := p.literal()
		if err != nil {
			return nil, err
		}
		values[v] = true
		if p.take(")") {
			return values, nil
		}
		if !p.take(",") {
			return nil, fmt.Errorf("a list of values is not closed")
		}
	}
}

// like matches SQL patterns with % only, as public clients use it.
func like(value, pattern string) bool {
	parts := strings.Split(pattern, "%")
	if len(parts) == 1 {
		return value == pattern
	}
	if !strings.HasPrefix(value, parts[0]) {
		return false
	}
	value = value[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(value, part)
		if i < 0 {
			return false
		}
		value = value[i+len(part):]
	}
	return strings.HasSuffix(value, parts[len(parts)-1])
}
