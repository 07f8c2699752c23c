package bootstrap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// legacySecret is a manifest as cap-token-refresh has it, with a comment.
const legacySecret = `# For the EBS driver.
apiVersion: v1
kind: Secret
metadata:
  name: ebs-cloud-credentials # the driver's own name
  namespace: openshift-cluster-csi-drivers
type: Opaque
stringData:
  role: StorageRole
  aws_access_key_id: YourID
  aws_secret_access_key: YourSecret
  credentials: |
    [default]
    aws_access_key_id = YourID
    aws_secret_access_key = YourSecret
`

// legacyCertificate is the certificate Secret of cap-token-refresh, whose file name also ends in -secret.yaml.
const legacyCertificate = `apiVersion: v1
kind: Secret
metadata: {name: cap-certs, namespace: cap-token-refresh}
stringData:
  cap.pem: ""
  cap.key: ""
  ca-chain.cert.pem: ""
`

func TestFillDocument_SetsTheKeysAndKeepsTheRest(t *testing.T) {
	for _, test := range []struct {
		name       string
		file       string
		credential awscreds.Credential
		want       string
	}{
		{"the layout of cap-token-refresh", legacySecret, withToken, `# For the EBS driver.
apiVersion: v1
kind: Secret
metadata:
  name: ebs-cloud-credentials # the driver's own name
  namespace: openshift-cluster-csi-drivers
type: Opaque
stringData:
  role: StorageRole
  aws_access_key_id: ASIANEW
  aws_secret_access_key: s/+=
  credentials: |
    [default]
    aws_access_key_id = ASIANEW
    aws_secret_access_key = s/+=
    aws_session_token = t/+==
  aws_session_token: t/+==
`},
		{"a Secret without any data", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  annotations:\n    rotation.openshift.io/role: R\n", withoutToken,
			"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  annotations:\n    rotation.openshift.io/role: R\nstringData:\n  aws_access_key_id: AKIANEW\n  aws_secret_access_key: s/+=\n  credentials: |\n    [default]\n    aws_access_key_id = AKIANEW\n    aws_secret_access_key = s/+=\n"},
		{"encoded data that would contradict, and an old token", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  aws_access_key_id: QQ==\n  aws_session_token: QQ==\n  role: Ug==\nstringData:\n  aws_session_token: OLD\n", withoutToken,
			"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  role: Ug==\nstringData:\n  aws_access_key_id: AKIANEW\n  aws_secret_access_key: s/+=\n  credentials: |\n    [default]\n    aws_access_key_id = AKIANEW\n    aws_secret_access_key = s/+=\n"},
		{"encoded data of nothing else goes", "kind: Secret\ndata:\n  aws_access_key_id: QQ==\n", withoutToken,
			"kind: Secret\nstringData:\n  aws_access_key_id: AKIANEW\n  aws_secret_access_key: s/+=\n  credentials: |\n    [default]\n    aws_access_key_id = AKIANEW\n    aws_secret_access_key = s/+=\n"},
		{"a comment beside a value stays", "kind: Secret\nstringData:\n  aws_access_key_id: x # mine\n", withoutToken,
			"kind: Secret\nstringData:\n  aws_access_key_id: AKIANEW # mine\n  aws_secret_access_key: s/+=\n  credentials: |\n    [default]\n    aws_access_key_id = AKIANEW\n    aws_secret_access_key = s/+=\n"},
		{"a value that YAML could take for something else", "kind: Secret\n", awscreds.Credential{AccessKeyID: "NO", SecretAccessKey: "12:30"},
			"kind: Secret\nstringData:\n  aws_access_key_id: \"NO\"\n  aws_secret_access_key: \"12:30\"\n  credentials: |\n    [default]\n    aws_access_key_id = NO\n    aws_secret_access_key = 12:30\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := fillDocument(test.file, test.credential)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			requireSecretHolds(t, got, test.credential)
		})
	}
}

func TestFillDocument_KeepsJSONReadable(t *testing.T) {
	got, err := fillDocument(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"stringData":{"role":"R"}}`, withToken)
	if err != nil {
		t.Fatal(err)
	}
	requireSecretHolds(t, got, withToken)
	if !strings.Contains(got, `"aws_access_key_id": "ASIANEW"`) {
		t.Errorf("no longer JSON: %s", got)
	}
}

// What YAML cannot write as JSON is refused: kubectl would read it no longer.
func TestFillDocument_RefusesJSONThatWouldNotStayJSON(t *testing.T) {
	const file = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x","annotations":{"KEY":"a"}},"stringData":{"role":"R"}}`
	for _, key := range []string{strings.Repeat("k", 200), `a\r`} {
		if got, err := fillDocument(strings.Replace(file, "KEY", key, 1), withToken); !errors.Is(err, errNoJSON) {
			t.Errorf("%v, and it became\n%s", err, got)
		}
	}
}

// A field in braces that has no value has none afterwards: an empty string is one that a field of another type refuses.
func TestFillDocument_LeavesWithoutAValueWhatHasNone(t *testing.T) {
	got, err := fillDocument("apiVersion: v1\nkind: Secret\nmetadata: {name: x, labels: {a: , b: null}, annotations: }\nimmutable:\ndata: {c}\n", withToken)
	if err != nil {
		t.Fatal(err)
	}
	if s := requireSecretHolds(t, got, withToken); s.Annotations != nil || s.Immutable != nil || s.Data["c"] != nil {
		t.Errorf("a field without a value has one in\n%s", got)
	}
	if !strings.Contains(got, "\nimmutable:\n") {
		t.Errorf("a field outside of braces is written in another way in\n%s", got)
	}
}

// Which of two keys with one name counts, is not for this command to say: the other one could keep a dead credential.
func TestFillDocument_RefusesAKeyThatStandsTwice(t *testing.T) {
	for _, file := range []string{
		"apiVersion: v1\nkind: Secret\nstringData:\n  role: R\nstringData:\n  aws_access_key_id: OLD\n",
		`{"apiVersion": "v1", "kind": "Secret", "data": {"aws_access_key_id": "QQ==", "aws_access_key_id": "Qg=="}}`,
	} {
		if got, err := fillDocument(file, withToken); !errors.Is(err, errKeys) {
			t.Errorf("%v, and it became\n%s", err, got)
		}
	}
}

// requireSecretHolds reads a manifest as the API server and the components do.
func requireSecretHolds(t *testing.T, content string, want awscreds.Credential) *corev1.Secret {
	t.Helper()
	s := &corev1.Secret{}
	if err := yaml.UnmarshalStrict([]byte(content), s); err != nil {
		t.Fatalf("%v in\n%s", err, content)
	}
	data := map[string][]byte{}
	for k, v := range s.Data {
		data[k] = v
	}
	for k, v := range s.StringData {
		data[k] = []byte(v)
	}
	if got, err := awscreds.Parse(data); err != nil || !got.Same(want) {
		t.Errorf("the components read another credential (%v) from\n%s", err, content)
	}
	return s
}

func TestFindSecrets_FindsWhatWaitsForCredentialsAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"cap-ebs-secret.yaml":   legacySecret,
		"cap-certs-secret.yaml": legacyCertificate,
		"several.yml": "kind: ConfigMap\n---\n# ours\napiVersion: v1\nkind: Secret\nmetadata:\n  namespace: a\n  name: b\n  annotations: {rotation.openshift.io/role: R}\n" +
			"--- # next\napiVersion: v1\nkind: Secret\nmetadata: {namespace: c, name: d}\ndata: {role: Ug==}\n",
		"json.json":         `{"apiVersion":"v1","kind":"Secret","metadata":{"namespace":"e","name":"f"},"data":{"aws_secret_access_key":""}}`,
		"installer.yaml":    "apiVersion: v1\nkind: Secret\nmetadata: {namespace: kube-system, name: aws-creds}\ndata: {aws_access_key_id: QQ==}\n",
		"elsewhere.yaml":    "apiVersion: v1\nkind: Secret\nmetadata: {namespace: kube-system, name: g}\ndata: {aws_access_key_id: QQ==}\n---\napiVersion: v1\nkind: Secret\nmetadata: {namespace: h, name: aws-creds}\ndata: {aws_access_key_id: QQ==}\n",
		"both.yaml":         "apiVersion: v1\nkind: Secret\nmetadata: {namespace: i, name: j, annotations: {rotation.openshift.io/role: R}}\ndata: {role: Uw==}\n",
		"config.yaml":       "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: k, name: l}\ndata: {aws_access_key_id: x}\n",
		"pull-secret.yaml":  "apiVersion: v1\nkind: Secret\nmetadata: {namespace: openshift-config, name: pull-secret}\ndata: {.dockerconfigjson: e30=}\n",
		"list.yaml":         "- a\n- b\n",
		"empty.yaml":        "",
		"notes.txt":         "kind: Secret: not YAML",
		"deployment.yaml":   "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
		"somebodys-v2.yaml": "apiVersion: example.com/v1\nkind: Secret\nmetadata: {name: x}\nstringData: {role: x}\n",
	} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	found, err := findSecrets(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range found {
		for _, s := range m.secrets {
			got[filepath.Base(m.path)+" "+s.String()] = s.Role
		}
	}
	want := map[string]string{
		"cap-ebs-secret.yaml openshift-cluster-csi-drivers/ebs-cloud-credentials": "StorageRole",
		"several.yml a/b": "R", "several.yml c/d": "R", "json.json e/f": "", "elsewhere.yaml kube-system/g": "", "elsewhere.yaml h/aws-creds": "", "both.yaml i/j": "R",
	}
	if len(found) != 5 {
		t.Errorf("%d files are to be written, and 5 have something to fill", len(found))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	writeFile(t, filepath.Join(dir, "broken.yaml"), "a: [CANARY")
	if _, err := findSecrets(dir); err == nil || !strings.Contains(err.Error(), "broken.yaml") || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("error %v, want one that names the file and quotes nothing", err)
	}
}

func TestFill_KeepsTheOtherDocumentsOfAFileByteForByte(t *testing.T) {
	dir := t.TempDir()
	before := "# head\nkind:   ConfigMap   # odd  blanks\n\n\ndata: {a:   b}\n---  # mark\n"
	after := "---\n\nkind: Other\n\n\n#  end\n"
	writeFile(t, filepath.Join(dir, "a.yaml"), before+legacySecret+after)
	found, err := findSecrets(dir)
	if err != nil || len(found) != 1 {
		t.Fatalf("found %d files, error %v", len(found), err)
	}
	c, err := found[0].fill(func(*secretManifest) awscreds.Credential { return withToken })
	if err != nil {
		t.Fatal(err)
	}
	got := string(c.content)
	if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
		t.Errorf("another document changed:\n%s", got)
	}
	if c.mode != 0o600 {
		t.Errorf("mode %o, want 600", c.mode)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
