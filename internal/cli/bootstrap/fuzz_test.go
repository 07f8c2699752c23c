package bootstrap

import (
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/openshift/credential-rotation-operator/config"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// The files of these commands come from a release, an installer or a person.

// harmless fails for text with characters that a terminal would obey.
func harmless(t *testing.T, words string) {
	t.Helper()
	if utf8.RuneCountInString(words) > 500 || strings.ContainsFunc(words, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("this is printed: %q", words)
	}
}

// FuzzManifest: whatever the file is, Secrets that need a credential get it, everything else stays, and the result is idempotent.
func FuzzManifest(f *testing.F) {
	f.Add("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData:\n  role: R # mine\n  aws_access_key_id: x\n--- # next\nkind: Other\n")
	f.Add(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"data":{"aws_secret_access_key":"eA==","other":"eQ=="}}`)
	f.Add("apiVersion: v1\nkind: Secret\nstringData: &a {role: R}\nmetadata: {name: a, annotations: *a}\n")
	f.Add("apiVersion: v1\nkind: Secret\ndata: &a {aws_access_key_id: eA==, x: eA==}\nstringData: {<<: *a, role: R}\n")
	f.Add("apiVersion: v1\nkind: Secret\nstringData: ~\ndata: {role: Ug==}\r\n---\r\n---\n\x00")
	f.Add("apiVersion: v1\nkind: Secret\ndata: {aws_access_key_id, x}\nstringData: {a, role: R}\nimmutable:\n")
	f.Add("%YAML 1.1\n---\napiVersion: v1\nkind: Secret\ndata: [aws_access_key_id]\nstringData: {role: \"a\\e[31m\"}\n...\n")
	credential := credentialOf("R")
	f.Fuzz(func(t *testing.T, file string) {
		if joined := string(payload.Join(payload.Split([]byte(file)))); joined != file {
			t.Fatalf("taken apart and joined again, %q is %q", file, joined)
		}
		m, err := parseManifest("f.yaml", []byte(file))
		if err != nil {
			harmless(t, err.Error())
			return
		}
		for _, s := range m.secrets {
			harmless(t, s.String())
		}
		filled, err := m.fill(func(*secretManifest) awscreds.Credential { return credential })
		if err != nil {
			harmless(t, err.Error())
			return
		}
		after := payload.Split(filled.content)
		if len(m.secrets) == 0 && string(filled.content) != file {
			t.Fatalf("a file without such a Secret becomes %q", filled.content)
		}
		if len(after) < len(m.docs) {
			t.Fatalf("of %d documents %d are left", len(m.docs), len(after))
		}
		for _, s := range m.secrets {
			requireFilled(t, m.docs[s.index].Text, after[s.index].Text, credential)
		}
		again, err := parseManifest("f.yaml", filled.content)
		if err != nil {
			t.Fatalf("what was written cannot be read: %q", filled.content)
		}
		twice, err := again.fill(func(*secretManifest) awscreds.Credential { return credential })
		if err != nil || string(twice.content) != string(filled.content) {
			t.Fatalf("done twice (%v), %q becomes %q and then %q", err, file, filled.content, twice.content)
		}
	})
}

// readStrictly is how the API server reads a manifest of kubectl's: the case of a field matters.
func readStrictly(text string, secret *corev1.Secret) error {
	_, _, err := strict.Decode([]byte(text), nil, secret)
	return err
}

var strict = serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// requireFilled compares a Secret as Kubernetes reads it, if it was one before.
func requireFilled(t *testing.T, before, after string, c awscreds.Credential) {
	t.Helper()
	var was, is corev1.Secret
	if readStrictly(before, &was) != nil {
		return
	}
	if err := readStrictly(after, &is); err != nil {
		t.Fatalf("%q was a Secret, and Kubernetes cannot read %q: %v", before, after, err)
	}
	want := map[string]string{}
	for key, value := range was.StringData {
		want[key] = value
	}
	for _, key := range awscreds.Keys() {
		delete(was.Data, key)
		delete(want, key)
	}
	for key, value := range awscreds.Render(c) {
		want[key] = string(value)
	}
	if !reflect.DeepEqual(want, is.StringData) || len(was.Data)+len(is.Data) > 0 && !reflect.DeepEqual(was.Data, is.Data) ||
		!reflect.DeepEqual(was.ObjectMeta, is.ObjectMeta) || was.Type != is.Type {
		t.Fatalf("%q became %q", before, after)
	}
}

// FuzzRequests: a served request has names that Kubernetes accepts, and the messages about the others are harmless.
func FuzzRequests(f *testing.F) {
	f.Add(credentialsRequest("a", "AWSProviderSpec", "b", "c", ""))
	f.Add(credentialsRequest("\"a\\e[31m\"", "AWSProviderSpec", "b", "../c", "    release.openshift.io/feature-set: \"x\\u202ey\"\n"))
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, file string) {
		requests, skipped, err := payload.Requests([]byte(file), false)
		if err != nil {
			harmless(t, err.Error())
		}
		for _, words := range skipped {
			harmless(t, words.String())
		}
		for _, r := range requests {
			if len(validation.IsDNS1123Subdomain(r.Name))+len(validation.IsDNS1123Label(r.Secret.Namespace))+len(validation.IsDNS1123Subdomain(r.Secret.Name)) > 0 {
				t.Fatalf("%+v is served", r)
			}
		}
	})
}

// FuzzRoles: a role map is refused, or makes a set that the API server takes.
func FuzzRoles(f *testing.F) {
	for _, seed := range []string{"a: R", "{\"a\": \" R \"}", "\"$(id)\": R", "a: \"x\\n\"", "- a", "a: &a x\nb: *a", "<<: {a: b}"} {
		f.Add(seed)
	}
	// The definition alone: all of the manifests at each turn would be most of the work.
	var definition []byte
	for _, d := range payload.Split(config.Install()) {
		if strings.Contains(d.Text, "name: capcredentialsets.rotation.openshift.io") {
			definition = []byte(d.Text)
		}
	}
	f.Fuzz(func(t *testing.T, file string) {
		roles, err := parseRoles("roles.yaml", []byte(file))
		if err != nil {
			harmless(t, err.Error())
			return
		}
		i := &install{operator: definition, rolesFile: "roles.yaml", roles: roles, name: "cap", portal: portal{URL: "https://cap.example/", Dialect: "C2S", Agency: "A", Mission: "M"}}
		refused := i.checkSet(i.setObject())
		if refused != nil {
			harmless(t, refused.Error())
		}
		for name, role := range roles {
			bad := len(validation.IsDNS1123Subdomain(name)) > 0 || strings.ContainsFunc(role, func(r rune) bool { return !unicode.IsPrint(r) })
			if bad && refused == nil {
				t.Fatalf("the role %q for %q is accepted", role, name)
			}
		}
	})
}
