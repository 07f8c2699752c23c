package bootstrap

import (
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/config"
)

func TestSchemaOf_IsThatOfTheKind(t *testing.T) {
	for kind, field := range map[string]string{"CAPCredentialSet": "endpoint", "PullSecretRotation": "targets"} {
		s, err := schemaOf(kind, config.Install())
		if err != nil {
			t.Fatal(err)
		}
		if s.Properties["spec"].Properties[field] == nil {
			t.Errorf("the schema of %s knows no %s", kind, field)
		}
	}
	const head = "kind: CustomResourceDefinition\nspec:\n  names: {kind: X}\n"
	for _, install := range []string{
		"", head, head + "  versions: []\n", head + "  versions: [{name: v1}]\n", head + "  versions: [{name: v1}, {name: v2}]\n", head + "  versions: [{schema: {openAPIV3Schema: [x]}}]\n", "a: [\n",
	} {
		if s, err := schemaOf("X", []byte(install)); err == nil || !strings.Contains(err.Error(), "the operator's own manifests") {
			t.Errorf("the schema in %q is %+v, %v", install, s, err)
		}
	}
}

func TestRefuses_WhatIsMoreThanTheSchemaTakes(t *testing.T) {
	two := 2
	for _, c := range []struct {
		schema        schema
		most, tooMuch any
	}{
		{schema{MaxLength: &two}, "äb", "abc"},
		{schema{MinLength: 2}, "ab", "a"},
		{schema{MaxItems: &two}, []any{"a", "b"}, []any{"a", "b", "c"}},
		{schema{Items: &schema{MaxLength: &two}}, []any{"ab", "ab", "ab"}, []any{"ab", "abc"}},
		{schema{MaxProperties: &two}, map[string]any{"a": "", "b": ""}, map[string]any{"a": "", "b": "", "c": ""}},
		{schema{AdditionalProperties: &schema{MaxLength: &two}}, map[string]any{"a": "ab"}, map[string]any{"a": "abc"}},
	} {
		if r := c.schema.refuses(c.most); r != nil {
			t.Errorf("%v is refused: %s", c.most, r.words)
		}
		if c.schema.refuses(c.tooMuch) == nil {
			t.Errorf("%v is taken", c.tooMuch)
		}
	}
}

func TestRender_IndentsAsKubectlDoes(t *testing.T) {
	if got, err := render(map[string]any{"a": map[string]any{"b": []string{"c"}}}); err != nil || got != "a:\n  b:\n  - c\n" {
		t.Errorf("it writes %q, %v", got, err)
	}
}
