package manifests

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/internal/cli/bootstrap"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

const aRequest = `apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {name: a, namespace: openshift-cloud-credential-operator}
spec:
  secretRef: {name: s, namespace: n}
  providerSpec: {kind: AWSProviderSpec}
`

// The command must refuse an invalid set, because the API server would only refuse it during the installation.
func TestInstallManifests_WritesNoSetThatTheAPIServerRefuses(t *testing.T) {
	ca, err := simtls.NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := ca.Client("npe")
	if err != nil {
		t.Fatal(err)
	}
	strange := []string{"a\nb", "a\x1b[2Jb", "a\u009bb", "\x7f", "a\u202eb", " a ", "ä, of/kind", strings.Repeat("a", 256), strings.Repeat("a", 257), strings.Repeat("a", 513)}
	var written, refused int
	try := func(what, roles string, flags ...string) {
		set, err := installManifests(t, certificate, key, roles, flags...)
		if err != nil {
			refused++
			return
		}
		written++
		// For a valid set the error is that it exists already.
		if err := server.admin.Create(t.Context(), set, client.DryRunAll); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Errorf("%s is written, but the API server refuses it: %.300v", what, err)
		}
	}
	for _, value := range strange {
		for _, flag := range []string{"--agency", "--mission", "--default-role", "--dialect", "--name"} {
			try(flag+"="+value, "a: R", flag, value)
		}
		try("the role "+value, `{"a": `+asJSON(value)+`}`)
	}
	for _, name := range notNames {
		try("a role for "+name, `{"a": "R", `+asJSON(name)+`: "R"}`)
	}
	for _, parameter := range []string{"x=y", "role=y", "=y", strings.Repeat("x", 129) + "=y", "x=" + strings.Repeat("y", 1025), "x=a\nb"} {
		try("--extra-parameter "+parameter, "a: R", "--extra-parameter", parameter)
	}
	for _, url := range []string{"https://cap.example/" + strings.Repeat("a", 2048), "https:///x", "https://cap.example:port/", "https://u@cap.example/", "https://cap.example/#x", "https://cap.example/ b", "https://[::1]/"} {
		try("--url "+url, "a: R", "--url", url)
	}
	for _, timeout := range []string{"1s", "1.5s", "999ms", "5m", "5m1s", "1h", "1000000us"} {
		try("--timeout "+timeout, "a: R", "--timeout", timeout)
	}
	if written < 10 || refused < 10 {
		t.Errorf("%d sets were written and %d refused, want both", written, refused)
	}
}

// installManifests runs the command and reads the set that it writes.
func installManifests(t *testing.T, certificate, key []byte, roles string, flags ...string) (*unstructured.Unstructured, error) {
	t.Helper()
	dir := t.TempDir()
	output := filepath.Join(dir, "manifests")
	for name, content := range map[string]string{"requests/a.yaml": aRequest, "cap.pem": string(certificate), "cap.key": string(key), "roles": roles, "manifests/x": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := bootstrap.NewInstallManifestsCommand()
	cmd.SetArgs(append([]string{
		"--credentials-requests", filepath.Join(dir, "requests"), "--roles", filepath.Join(dir, "roles"), "--output", output, "--url", "https://cap.example/api",
		"--agency", "A", "--mission", "M", "--cert", filepath.Join(dir, "cap.pem"), "--key", filepath.Join(dir, "cap.key"),
	}, flags...))
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(context.Background()); err != nil {
		return nil, err
	}
	sets, err := filepath.Glob(filepath.Join(output, "*_capcredentialset_*.yaml"))
	if err != nil || len(sets) != 1 {
		t.Fatalf("%d sets were written (%v)", len(sets), err)
	}
	raw, err := os.ReadFile(sets[0])
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(raw)
	if err != nil || len(objects) != 1 {
		t.Fatalf("the set cannot be read: %v", err)
	}
	return objects[0], nil
}

// asJSON is a string in JSON, which is also valid YAML.
func asJSON(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
