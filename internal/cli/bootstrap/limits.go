package bootstrap

// Checks for what the API server would refuse in the CAPCredentialSet. It would refuse only during the installation, which would go on without
// the set, and end without workers.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// checkLimits checks the flags against the rules of the API that are not in its schema.
func (i *install) checkLimits() error {
	switch {
	case len(validation.IsDNS1123Subdomain(i.name)) > 0:
		return errors.New("--name must be a valid name of an object: lower-case letters, digits, '-' and '.'")
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

// checkSet checks the set against the schema of its kind.
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

// unseen finds a text with bidirectional or zero-width characters, which the operator refuses.
func unseen(value any, path ...any) *refusal {
	switch value := value.(type) {
	case string:
		if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return &refusal{path, "has invisible characters"}
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

// flagOf maps the fields of a set to their flags.
var flagOf = map[string]string{
	"url": "--url", "dialect": "--dialect", "agency": "--agency", "mission": "--mission", "extraParameters": "--extra-parameter",
	"timeout": "--timeout", "defaultRole": "--default-role",
}

// whereFrom names the source of a field: a flag, or a line of the role map.
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
	if field == "name" {
		return fmt.Sprintf("%s: the name %s", i.rolesFile, payload.Shown(name))
	}
	return fmt.Sprintf("%s: the role of CredentialsRequest %s", i.rolesFile, payload.Shown(name))
}
