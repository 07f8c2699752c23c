// Package dockerfile reads the last stage of a Dockerfile, so that an image that is built without a container engine is the one that
// the Dockerfile describes. It knows the few instructions that ours have, and refuses any other.
package dockerfile

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Stage is the last stage.
type Stage struct {
	Base       string
	Labels     map[string]string
	User       string
	Entrypoint []string
	Cmd        []string
	Copies     []Copy
}

// Copy is a COPY.
type Copy struct {
	// From is the stage that it copies from; empty means the build context.
	From string
	// Source is a file or a directory.
	Source string
	// Target is its path in the image.
	Target string
}

// Read reads the Dockerfile with these build arguments.
func Read(file string, args map[string]string) (*Stage, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	stage, err := parse(string(raw), args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return stage, nil
}

func parse(text string, args map[string]string) (*Stage, error) {
	r := reader{given: args, known: map[string]string{}}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if err := r.instruction(name, strings.TrimSpace(rest)); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	if r.stage == nil {
		return nil, fmt.Errorf("there is no FROM")
	}
	if r.pending != nil {
		return nil, r.pending
	}
	return r.stage, nil
}

type reader struct {
	given, known map[string]string
	stage        *Stage
	// pending is the first error in this stage; it does not matter if another stage follows.
	pending error
}

func (r *reader) instruction(name, rest string) error {
	switch name {
	case "ARG":
		r.arg(rest)
		return nil
	case "FROM":
		words := slices.DeleteFunc(strings.Fields(rest), func(w string) bool { return strings.HasPrefix(w, "--") })
		base, err := r.expand(words[0])
		r.stage, r.pending = &Stage{Base: base, Labels: map[string]string{}}, err
		return nil
	}
	if r.stage == nil {
		return fmt.Errorf("it is before the first FROM")
	}
	if err := r.inStage(name, rest); err != nil && r.pending == nil {
		r.pending = fmt.Errorf("%s %s: %w", name, rest, err)
	}
	return nil
}

func (r *reader) arg(rest string) {
	name, value, set := strings.Cut(rest, "=")
	if given, ok := r.given[name]; ok {
		value, set = given, true
	}
	if set {
		r.known[name] = value
	}
}

func (r *reader) inStage(name, rest string) error {
	rest, err := r.expand(rest)
	if err != nil {
		return err
	}
	switch name {
	case "LABEL":
		return r.labels(rest)
	case "COPY":
		return r.copies(rest)
	case "USER":
		r.stage.User = rest
		return nil
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &r.stage.Entrypoint)
	case "CMD":
		return json.Unmarshal([]byte(rest), &r.stage.Cmd)
	}
	return fmt.Errorf("only a container engine can do that")
}

var label = regexp.MustCompile(`^([\w./-]+)=("[^"]*"|[^\s"]+)\s*`)

func (r *reader) labels(rest string) error {
	for rest != "" {
		m := label.FindStringSubmatch(rest)
		if m == nil {
			return fmt.Errorf("%q is not a label", rest)
		}
		r.stage.Labels[m[1]] = strings.Trim(m[2], `"`)
		rest = rest[len(m[0]):]
	}
	return nil
}

func (r *reader) copies(rest string) error {
	words, from := strings.Fields(rest), ""
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		stage, ok := strings.CutPrefix(words[0], "--from=")
		if !ok {
			return fmt.Errorf("unknown option %s", words[0])
		}
		from, words = stage, words[1:]
	}
	if len(words) != 2 {
		return fmt.Errorf("want one source and one target, not %d words", len(words))
	}
	r.stage.Copies = append(r.stage.Copies, Copy{From: from, Source: words[0], Target: words[1]})
	return nil
}

var variable = regexp.MustCompile(`\$\{?(\w+)\}?`)

func (r *reader) expand(text string) (string, error) {
	var err error
	out := variable.ReplaceAllStringFunc(text, func(v string) string {
		value, ok := r.known[variable.FindStringSubmatch(v)[1]]
		if !ok {
			err = fmt.Errorf("%s is not an ARG", v)
		}
		return value
	})
	return out, err
}
