package payload

import (
	"strings"
	"testing"
)

// manifest is a CredentialsRequest of a release for AWS; changes are pairs of what is replaced and by what.
func manifest(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata:
  name: machines
  namespace: openshift-cloud-credential-operator
  labels: {first: "1", second: "2"}
  annotations: {x: y}
spec:
  providerSpec: {kind: AWSProviderSpec}
  secretRef: {namespace: openshift-machine-api, name: aws-cloud-credentials}
`)
}

func TestRequests_AreThoseThatHaveToBeServed(t *testing.T) {
	annotated := func(text string) string { return manifest("{x: y}", "{release.openshift.io/"+text+"}") }
	for name, row := range map[string]struct {
		text    string
		preview bool
		want    string // the name, "left out: why", "wrong: what", or empty
		deleted bool
	}{
		"one for AWS":                           {text: manifest(), want: "machines"},
		"one without labels":                    {text: manifest(`labels: {first: "1", second: "2"}`, "generation: 1"), want: "machines"},
		"one for another cloud":                 {text: manifest("AWSProviderSpec", "GCPProviderSpec")},
		"another kind":                          {text: manifest("CredentialsRequest", "ConfigMap")},
		"another group":                         {text: manifest("cloudcredential.openshift.io/", "example.com/")},
		"nothing":                               {text: "# empty\n"},
		"no YAML":                               {text: "a: {", want: "wrong: not valid YAML"},
		"one that the release deletes":          {text: annotated(`delete: "true"`), want: "left out: deletes it", deleted: true},
		"one that it says not to delete":        {text: annotated(`delete: "false"`), want: "machines"},
		"one with a token of its own":           {text: manifest("AWSProviderSpec", "AWSProviderSpec, stsIAMRoleARN: arn"), want: "left out: its own STS token"},
		"one of a preview":                      {text: annotated("feature-set: TechPreviewNoUpgrade"), want: "left out: the feature set TechPreviewNoUpgrade"},
		"one of a preview, which is wanted":     {text: annotated("feature-set: TechPreviewNoUpgrade"), preview: true, want: "machines"},
		"one of a preview and of what is usual": {text: annotated(`feature-set: "TechPreviewNoUpgrade, Default"`), want: "machines"},
		"one behind a gate":                     {text: annotated("feature-gate: NewThing"), want: "left out: the feature gate NewThing"},
		"one behind a gate, which is wanted":    {text: annotated("feature-gate: NewThing"), preview: true, want: "machines"},
		"one for where a gate is closed":        {text: annotated(`feature-gate: "-NewThing"`), want: "machines"},
		"a name that is none":                   {text: manifest("name: machines", "name: Machines"), want: "wrong: invalid name"},
		"no Secret's namespace":                 {text: manifest("namespace: openshift-machine-api, ", ""), want: "wrong: no spec.secretRef"},
		"no Secret's name":                      {text: manifest(", name: aws-cloud-credentials", ""), want: "wrong: no spec.secretRef"},
		"a Secret whose name is none":           {text: manifest("aws-cloud-credentials", "../x"), want: "wrong: a Secret with an invalid name"},
		"a Secret whose namespace is none":      {text: manifest("openshift-machine-api", "a.b"), want: "wrong: a Secret with an invalid name"},
		"a Secret of which neither is":          {text: manifest("openshift-machine-api", "a.b", "aws-cloud-credentials", "../x"), want: "wrong: a Secret with an invalid name"},
	} {
		t.Run(name, func(t *testing.T) {
			requests, left, err := Requests([]byte("---\n"+row.text), row.preview)
			kind, says, _ := strings.Cut(row.want, ": ")
			switch {
			case kind == "wrong":
				if err == nil || !strings.Contains(err.Error(), says) || len(requests)+len(left) > 0 {
					t.Errorf("%d requests, %d left out, %v", len(requests), len(left), err)
				}
			case err != nil:
				t.Error(err)
			case kind == "left out":
				if len(requests) != 0 || len(left) != 1 || !strings.Contains(left[0].String(), "CredentialsRequest machines is left out: ") || !strings.Contains(left[0].Why, says) || left[0].Deleted != row.deleted {
					t.Errorf("%d requests, left out are %v", len(requests), left)
				}
			case len(left) != 0 || len(requests) != len(row.want)/len("machines"):
				t.Errorf("%d requests, %d left out", len(requests), len(left))
			}
		})
	}
}

func TestRelease_HasEachRequestOnceWithItsLabels(t *testing.T) {
	var r Release
	second := manifest("name: machines", "name: registry")
	if err := r.Add([]byte(manifest()+"---\n"+second+"---\n"+manifest("{x: y}", `{release.openshift.io/delete: "true"}`)), false); err != nil {
		t.Fatal(err)
	}
	if len(r.Requests) != 2 || len(r.LeftOut) != 1 || r.Requests[0].Labels["first"] != "1" || r.Requests[0].Labels["second"] != "2" || len(r.Requests[0].Labels) != 2 {
		t.Errorf("the release is %+v", r)
	}
	if err := r.Add([]byte(second), false); err == nil || !strings.Contains(err.Error(), "registry is there twice") {
		t.Errorf("the same request again: %v", err)
	}
	if err := r.Add([]byte("a: {"), false); err == nil {
		t.Error("what is no YAML is part of a release")
	}
}
