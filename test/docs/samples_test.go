package docs

import (
	"context"
	"maps"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

const group = "rotation.openshift.io"

// kindOfPage is the kind of a page's fragments, which are blocks with only a part of the spec or the status.
var kindOfPage = map[string]string{
	"docs/pullsecretrotation.md": "PullSecretRotation",
	"docs/capcredentialset.md":   "CAPCredentialSet",
}

var resources = map[string]string{"PullSecretRotation": "pullsecretrotations", "CAPCredentialSet": "capcredentialsets"}

// minimal is a minimal valid object of each kind; a fragment replaces fields of its spec.
var minimal = map[string]string{
	"PullSecretRotation": `
apiVersion: rotation.openshift.io/v1alpha1
kind: PullSecretRotation
metadata: {name: fragment}
spec:
  rotateAfter: "2026-01-01T00:00:00Z"
  ocm: {credentialsSecretRef: {name: ocm}}`,
	"CAPCredentialSet": `
apiVersion: rotation.openshift.io/v1alpha1
kind: CAPCredentialSet
metadata: {name: fragment}
spec:
  endpoint:
    url: https://cap.example/credentials
    agency: agency
    mission: mission
    clientCertificateSecretRef: {name: cap}`,
}

func TestEverySampleInTheDocumentationIsAcceptedByTheAPIServer(t *testing.T) {
	client := apiServer(t)
	samples := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks() {
			if b.Language != "yaml" && b.Language != "yml" {
				continue
			}
			for _, document := range strings.Split(b.Text, "\n---\n") {
				object := parse(t, p, b, document)
				if object == nil {
					continue
				}
				samples++
				check(t, client, p, b, object)
			}
		}
	}
	if samples < 10 {
		t.Errorf("only %d samples were found: the extraction is broken", samples)
	}
}

// parse returns the sample as an object of one of our kinds, with a fragment completed; nil for anything else.
func parse(t *testing.T, p page, b harness.Block, document string) *unstructured.Unstructured {
	t.Helper()
	content := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(document), &content); err != nil {
		t.Errorf("%s:%d: not valid YAML: %v", p.path, b.Line, err)
		return nil
	}
	object := &unstructured.Unstructured{Object: content}
	if version, found := content["apiVersion"]; found {
		if gv, err := schema.ParseGroupVersion(version.(string)); err != nil || gv.Group != group {
			return nil
		}
		return object
	}
	kind, known := kindOfPage[p.path]
	_, spec := content["spec"]
	_, status := content["status"]
	if !known || !spec && !status {
		t.Errorf("%s:%d: a YAML block without apiVersion can be checked only on a page of one kind, and when it has spec or status", p.path, b.Line)
		return nil
	}
	base := map[string]any{}
	if err := yaml.Unmarshal([]byte(minimal[kind]), &base); err != nil {
		t.Fatal(err)
	}
	if fragment, ok := content["spec"].(map[string]any); ok {
		merged := base["spec"].(map[string]any)
		if fragment["mode"] == "Follow" {
			delete(merged, "rotateAfter")
		}
		for key, value := range fragment {
			inner, isMap := value.(map[string]any)
			if below, ok := merged[key].(map[string]any); ok && isMap {
				maps.Copy(below, inner)
				continue
			}
			merged[key] = value
		}
		delete(content, "spec")
	}
	maps.Copy(base, content)
	return &unstructured.Unstructured{Object: base}
}

// check submits a sample to the API server: schema, CEL rules, unknown fields; and its status, if it has one.
func check(t *testing.T, client dynamic.Interface, p page, b harness.Block, object *unstructured.Unstructured) {
	t.Helper()
	resource, known := resources[object.GetKind()]
	if !known {
		t.Errorf("%s:%d: no such kind: %q", p.path, b.Line, object.GetKind())
		return
	}
	objects := client.Resource(schema.GroupVersionResource{Group: group, Version: "v1alpha1", Resource: resource})
	status, hasStatus := object.Object["status"]
	dryRun := []string{metav1.DryRunAll}
	if hasStatus {
		dryRun = nil // only an existing object can have a status
	}
	created, err := objects.Create(t.Context(), object, metav1.CreateOptions{DryRun: dryRun, FieldValidation: "Strict"})
	if err != nil {
		t.Errorf("%s:%d: refused: %v", p.path, b.Line, err)
		return
	}
	if !hasStatus {
		return
	}
	created.Object["status"] = status
	if _, err := objects.UpdateStatus(t.Context(), created, metav1.UpdateOptions{FieldValidation: "Strict"}); err != nil {
		t.Errorf("%s:%d: the status is refused: %v", p.path, b.Line, err)
	}
	if err := objects.Delete(t.Context(), created.GetName(), metav1.DeleteOptions{}); err != nil {
		t.Errorf("%s:%d: %v", p.path, b.Line, err)
	}
}

// controlPlane starts a real one with our CRDs.
func controlPlane(t *testing.T) *harness.ControlPlane {
	t.Helper()
	cp, err := harness.StartControlPlane(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cp
}

// apiServer is a client of one.
func apiServer(t *testing.T) dynamic.Interface {
	t.Helper()
	cp := controlPlane(t)
	client, err := dynamic.NewForConfig(cp.Admin)
	if err != nil {
		t.Fatal(err)
	}
	// The CRDs are established when Start returns; one list makes sure of it.
	gvr := schema.GroupVersionResource{Group: group, Version: "v1alpha1", Resource: "pullsecretrotations"}
	if _, err := client.Resource(gvr).List(context.Background(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	return client
}
