package bootstrap

import (
	"slices"
	"strings"
	"testing"
)

func TestOperatorObjects_KnowWhichSecretsTheOperatorMayWrite(t *testing.T) {
	_, granted, err := operatorObjects([]byte(`kind: ClusterRole
metadata: {name: operator}
rules:
- {resources: [secrets], verbs: [get], resourceNames: [only-read]}
- {nonResourceURLs: [/metrics], verbs: [get]}
- {resources: [configmaps], verbs: [patch], resourceNames: [no-secret]}
- {resources: [secrets], verbs: [get, patch], resourceNames: [a, b]}
`), "")
	if want := []string{"a", "b"}; err != nil || !slices.Equal(granted, want) {
		t.Errorf("it may write %q, %v, want %q", granted, err, want)
	}
}

func TestOperatorObjects_RefuseManifestsThatAreNoOperators(t *testing.T) {
	for install, want := range map[string]string{
		"kind: Deployment\n": "no container",
		"kind: Deployment\nspec: {template: {spec: {containers: []}}}\n": "no container",
		"kind: Surprise\n": "a Surprise, whose place in the order is unknown",
		"a: [\n":           "the operator's own manifests: ",
	} {
		if _, _, err := operatorObjects([]byte(install), "image"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of %q it says %v, want %q", install, err, want)
		}
	}
}
