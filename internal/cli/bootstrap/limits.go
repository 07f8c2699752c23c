package bootstrap

// What the API server would refuse of the CAPCredentialSet. It would say so only while the cluster is being made: the installation
// would go on without the set, and end without workers.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"
)

// checkLimits checks what the flags say against the rules of the API that are not in its schema.
func (i *install) checkLimits() error {
	switch {
	case len(validation.IsDNS1123Subdomain(i.name)) > 0:
		return errors.New("--name must be a name that an object can have: lower-case letters, digits, '-' and '.'")
	case strings.ContainsAny(i.portal.URL, "@#"):
		return errors.New("--url must hold neither @ nor #")
	case i.portal.Timeout < time.Second || i.portal.Timeout > 5*time.Minute:
		return errors.New("--timeout must be between 1s and 5m")
	}
	for name, value := range i.portal.ExtraParameters {
		if name == "" || len([]rune(name)) > 128 || len([]rune(value)) > 1024 {
			return errors.New("--extra-parameter must have a name of 1 to 128 characters and a value of at most 1024")
		}
	}
	return nil
}

// checkSet checks the set that is to be written against the schema of its kind.
func (i *install) checkSet(set map[string]any) error {
	s, err := schemaOf("CAPCredentialSet", i.operator)
	if err != nil {
		return err
	}
	read, err := plainly(set)
	if err != nil {
		return err
	}
	for _, r := range []*refusal{s.refuses(read), unseen(read)} {
		if r != nil {
			return fmt.Errorf("%s %s", i.whereFrom(read, r.path), r.words)
		}
	}
	return nil
}

// unseen finds a text with characters that turn the direction of others or have no width, which the operator refuses.
func unseen(value any, path ...any) *refusal {
	switch value := value.(type) {
	case string:
		if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return &refusal{path, "has characters that cannot be seen"}
		}
	case []any:
		for n, item := range value {
			if r := unseen(item, append(slices.Clone(path), n)...); r != nil {
				return r
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if r := unseen(value[name], append(slices.Clone(path), name)...); r != nil {
				return r
			}
		}
	}
	return nil
}

// flagOf are the flags behind the fields of a set.
var flagOf = map[string]string{
	"url": "--url", "dialect": "--dialect", "agency": "--agency", "mission": "--mission", "extraParameters": "--extra-parameter",
	"timeout": "--timeout", "defaultRole": "--default-role",
}

// whereFrom names what a field was made from: a flag, or a line of the role map.
func (i *install) whereFrom(set map[string]any, path []any) string {
	for n, step := range path {
		name, _ := step.(string)
		if flag := flagOf[name]; flag != "" {
			return flag
		}
		if name == "roles" && n+2 < len(path) {
			return i.roleOrigin(set, path[n+1], path[n+2])
		}
	}
	return "the CAPCredentialSet"
}

func (i *install) roleOrigin(set map[string]any, index, field any) string {
	spec, _ := set["spec"].(map[string]any)
	requests, _ := spec["credentialsRequests"].(map[string]any)
	roles, _ := requests["roles"].([]any)
	n, _ := index.(int)
	entry, _ := roles[n].(map[string]any)
	name, _ := entry["name"].(string)
	origin := "the role map"
	if i.rolesFile != "" {
		origin = i.rolesFile
	}
	if field == "name" {
		return fmt.Sprintf("%s: the name %s", origin, shown(name))
	}
	return fmt.Sprintf("%s: the role of CredentialsRequest %s", origin, shown(name))
}

// shown is somebody else's text, such as a name in a manifest, in a form that is harmless on a terminal.
func shown(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == '"' }) || strings.TrimSpace(text) != text {
		return fmt.Sprintf("%q", text)
	}
	return text
}
