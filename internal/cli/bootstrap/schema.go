package bootstrap

// The schema of our own kind, read from the operator's manifests: what the API server would refuse is refused here.

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// schema is the part of a CustomResourceDefinition's schema about strings, lists and maps.
type schema struct {
	Pattern              string             `yaml:"pattern"`
	Enum                 []string           `yaml:"enum"`
	MinLength            int                `yaml:"minLength"`
	MaxLength            *int               `yaml:"maxLength"`
	MaxItems             *int               `yaml:"maxItems"`
	MaxProperties        *int               `yaml:"maxProperties"`
	Items                *schema            `yaml:"items"`
	Properties           map[string]*schema `yaml:"properties"`
	AdditionalProperties *schema            `yaml:"additionalProperties"`
}

// refusal says why a schema refuses a value.
type refusal struct {
	// path of the value: names of fields, and the index of a list's item.
	path []any
	// words are the end of a sentence.
	words string
}

// schemaOf finds the schema of a kind among the operator's own manifests.
func schemaOf(kind string, install []byte) (*schema, error) {
	for _, d := range payload.Split(install) {
		_, mapping, err := payload.Parse(d.Text)
		if err != nil {
			return nil, fmt.Errorf("the operator's own manifests: %w", err)
		}
		if payload.Text(mapping, "kind") != "CustomResourceDefinition" || payload.Text(mapping, "spec", "names", "kind") != kind {
			continue
		}
		versions := payload.Get(mapping, "spec", "versions")
		if versions == nil || len(versions.Content) != 1 {
			break
		}
		s := &schema{}
		if node := payload.Get(versions.Content[0], "schema", "openAPIV3Schema"); node != nil && node.Decode(s) == nil {
			return s, nil
		}
		break
	}
	return nil, errors.New("the operator's own manifests do not define the kind " + kind)
}

// refuses returns the first violation of the schema in a value as parsed from YAML; nil if there is none.
func (s *schema) refuses(value any, path ...any) *refusal {
	if s == nil {
		return nil
	}
	switch value := value.(type) {
	case string:
		if words := s.refusesText(value); words != "" {
			return &refusal{path, words}
		}
	case []any:
		if s.MaxItems != nil && len(value) > *s.MaxItems {
			return &refusal{path, fmt.Sprintf("has more than %d items", *s.MaxItems)}
		}
		for i, item := range value {
			if r := s.Items.refuses(item, append(slices.Clone(path), i)...); r != nil {
				return r
			}
		}
	case map[string]any:
		return s.refusesMap(value, path)
	}
	return nil
}

func (s *schema) refusesMap(value map[string]any, path []any) *refusal {
	if s.MaxProperties != nil && len(value) > *s.MaxProperties {
		return &refusal{path, fmt.Sprintf("has more than %d items", *s.MaxProperties)}
	}
	for _, name := range slices.Sorted(maps.Keys(value)) {
		field, known := s.Properties[name]
		if !known {
			field = s.AdditionalProperties
		}
		if r := field.refuses(value[name], append(slices.Clone(path), name)...); r != nil {
			return r
		}
	}
	return nil
}

func (s *schema) refusesText(value string) string {
	switch length := utf8.RuneCountInString(value); {
	case length < s.MinLength:
		return fmt.Sprintf("has fewer than %d characters", s.MinLength)
	case s.MaxLength != nil && length > *s.MaxLength:
		return fmt.Sprintf("has more than %d characters", *s.MaxLength)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, value):
		return fmt.Sprintf("is not one of %q", s.Enum)
	}
	if s.Pattern == "" {
		return ""
	}
	if pattern, err := regexp.Compile(s.Pattern); err != nil || !pattern.MatchString(value) {
		return "does not match the pattern " + s.Pattern
	}
	return ""
}

// plainly converts an object to the form that the API server reads.
func plainly(object map[string]any) (map[string]any, error) {
	text, err := render(object)
	if err != nil {
		return nil, err
	}
	read := map[string]any{}
	return read, yaml.Unmarshal([]byte(text), &read)
}
