// Package hosts says which hosts a credential may be sent to. The list belongs to the installation: the author of a spec chooses among these
// hosts and cannot add one.
package hosts

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Any is a pattern that every host matches, on every port.
const Any = "*"

// List is a list of patterns. The zero value allows nothing. It is a flag's value (pflag.Value).
type List struct{ patterns []pattern }

// pattern is a host name or an address in lower case, "*.domain" for all names under a domain, or Any.
type pattern struct{ host, port string }

const (
	httpsPort = "443"
	anyPort   = "*"
)

// Parse reads patterns separated by commas: api.example.com (port 443), api.example.com:8443, api.example.com:* (any port), *.example.com (any
// name under example.com), *. Blanks around them are ignored.
func Parse(text string) (List, error) {
	var l List
	for item := range strings.SplitSeq(text, ",") {
		item = strings.ToLower(strings.TrimSpace(item))
		if item == "" {
			continue
		}
		p, err := parsePattern(item)
		if err != nil {
			return List{}, fmt.Errorf("%q is not a host to allow: %w", item, err)
		}
		l.patterns = append(l.patterns, p)
	}
	return l, nil
}

// MustParse is Parse for constants.
func MustParse(text string) List {
	l, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return l
}

func parsePattern(item string) (pattern, error) {
	if item == Any {
		return pattern{Any, anyPort}, nil
	}
	p := pattern{item, httpsPort}
	if host, port, err := net.SplitHostPort(item); err == nil {
		p = pattern{host, port}
	} else {
		p.host = strings.Trim(p.host, "[]")
	}
	switch {
	case strings.ContainsAny(p.host, "/@?#") || strings.Contains(item, "://"):
		return p, errors.New("it must be a host name without https:// and without a path, such as api.example.com or api.example.com:8443")
	case net.ParseIP(p.host) != nil:
	case !isName(strings.TrimPrefix(p.host, "*.")):
		return p, errors.New("it must be a host name such as api.example.com, or *.example.com for all names under a domain")
	}
	if p.port != anyPort && !isPort(p.port) {
		return p, errors.New("its port must be a number from 1 to 65535, or *")
	}
	return p, nil
}

// isName is true if a name has only characters of host names.
func isName(host string) bool {
	odd := func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.') }
	return host != "" && !strings.ContainsFunc(host, odd) && !strings.HasPrefix(host, ".") && !strings.Contains(host, "..")
}

func isPort(port string) bool {
	digits := strings.TrimLeft(port, "0")
	return digits != "" && len(digits) <= 5 && !strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }) && (len(digits) < 5 || digits <= "65535")
}

// Allows is true if a URL is https and its host is in the list.
func (l List) Allows(to *url.URL) bool {
	if to == nil || to.Scheme != "https" || to.User != nil {
		return false
	}
	host, port := strings.TrimSuffix(strings.ToLower(to.Hostname()), "."), to.Port()
	if port == "" {
		port = httpsPort
	}
	return host != "" && slices.ContainsFunc(l.patterns, func(p pattern) bool { return p.matches(host, port) })
}

func (p pattern) matches(host, port string) bool {
	if p.port != anyPort && p.port != port {
		return false
	}
	if domain, under := strings.CutPrefix(p.host, "*."); under {
		return strings.HasSuffix(host, "."+domain)
	}
	return p.host == Any || p.host == host
}

// Check returns nil if Allows is true, else an error that names the host. The error repeats nothing else of the URL.
func (l List) Check(rawURL string) error {
	to, err := url.Parse(rawURL)
	if err != nil {
		return errors.New("it does not parse")
	}
	if l.Allows(to) {
		return nil
	}
	return fmt.Errorf("this installation does not allow the host %q; it allows %s", to.Host, l)
}

// Empty is true for a list without a pattern.
func (l List) Empty() bool { return len(l.patterns) == 0 }

// String is the list in the form that Parse reads, or "none" if it is empty.
func (l List) String() string {
	words := make([]string, 0, len(l.patterns))
	for _, p := range l.patterns {
		switch {
		case p.host == Any:
			words = append(words, Any)
		case p.port == httpsPort:
			words = append(words, p.host)
		default:
			words = append(words, net.JoinHostPort(p.host, p.port))
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ",")
}

// Set implements pflag.Value.
func (l *List) Set(text string) error {
	parsed, err := Parse(text)
	if err != nil {
		return err
	}
	*l = parsed
	return nil
}

// Type implements pflag.Value: it is the name of the value in a flag's help.
func (l *List) Type() string { return "hosts" }
