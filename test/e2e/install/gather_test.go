package install

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// must-gather calls the program by its other name in the image, here with an account that may not read everything.
func TestGather_ShowsWhoWroteASecretButNotItsContent(t *testing.T) {
	installation, err := harness.InstallBundle(t.Context(), cp.Client, "gathers")
	must(t, err)
	must(t, harness.CreateNamespace(t.Context(), cp.Client, "openshift-config"))
	canaries := harness.Canaries{"the password in the Secret": "kanarienvogel-Pq7xW2mZ"}
	content := `{"auths":{"registry.example.com":{"auth":"a2FuYXJpZW52b2dlbC1QcTd4VzJtWg=="}}}` + canaries["the password in the Secret"]
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config", Name: "pull-secret",
		Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": content, "note.example.com/all": content}},
		Data: map[string][]byte{"other": []byte(content)}}
	must(t, harness.Ensure(t.Context(), cp.Client, secret))
	t.Cleanup(func() { remove(t, secret) })

	binary, err := harness.BuildOperator(t.Context())
	must(t, err)
	folder := t.TempDir()
	gather := filepath.Join(folder, "gather")
	must(t, os.Symlink(binary, gather))
	kubeconfig, err := installation.Kubeconfig(t.Context(), cp.Client, "https://"+strings.TrimPrefix(cp.Admin.Host, "https://"), cp.Admin.CAData)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "kubeconfig"), kubeconfig, 0o600))
	out := filepath.Join(folder, "out")
	said, err := exec.CommandContext(t.Context(), gather, "--kubeconfig", filepath.Join(folder, "kubeconfig"), "--dest-dir", out).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	files := map[string]string{"its output": string(said)}
	must(t, filepath.WalkDir(out, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(out, path)
		files[name] = string(raw)
		return err
	}))
	for name, content := range files {
		for _, found := range canaries.Find(name, content) {
			t.Error(found)
		}
	}
	metadata := files["namespaces/openshift-config/secrets-metadata/pull-secret.yaml"]
	if !strings.Contains(metadata, "managedFields:") || !strings.Contains(metadata, "note.example.com/all: (not shown)") {
		t.Errorf("the metadata of the pull secret is\n%s", metadata)
	}
	if missing := files["not-gathered.txt"]; !strings.Contains(missing, "forbidden") {
		t.Errorf("a forbidden object is reported as\n%s", missing)
	}
}
