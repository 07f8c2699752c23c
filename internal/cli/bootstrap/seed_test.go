package bootstrap

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// workDir is a directory with the manifests of cap-token-refresh (two Secrets with roles, the certificate Secret) and a home.
type workDir struct{ dir, manifests, home, credentials string }

func newWorkDir(t *testing.T) workDir {
	t.Helper()
	dir := t.TempDir()
	w := workDir{dir: dir, manifests: filepath.Join(dir, "manifests"), home: filepath.Join(dir, "home")}
	w.credentials = filepath.Join(w.home, ".aws", "credentials")
	for _, d := range []string{w.manifests, w.home} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(w.manifests, "cap-ebs-secret.yaml"), legacySecret)
	writeFile(t, filepath.Join(w.manifests, "cap-machine-api-secret.yaml"), strings.NewReplacer("StorageRole", "MachineRole",
		"openshift-cluster-csi-drivers", "openshift-machine-api", "ebs-cloud-credentials", "aws-cloud-credentials").Replace(legacySecret))
	writeFile(t, filepath.Join(w.manifests, "cap-certs-secret.yaml"), legacyCertificate)
	t.Setenv("HOME", w.home)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "")
	t.Chdir(dir)
	return w
}

func (w workDir) read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestSeed_FillsAllManifestsFromStandardInputAsGetCapTokenDid(t *testing.T) {
	w := newWorkDir(t)
	output, err := execute(t, newSeedCommand(testClock()), answerOf("R"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cap-ebs-secret.yaml", "cap-machine-api-secret.yaml"} {
		path := filepath.Join(w.manifests, name)
		secret := requireSecretHolds(t, w.read(t, path), credentialOf("R"))
		if secret.StringData["role"] == "" {
			t.Errorf("%s has lost its role", name)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 600", name, info.Mode())
		}
		if !strings.Contains(output, name) {
			t.Errorf("the output does not name %s: %s", name, output)
		}
	}
	if got := w.read(t, filepath.Join(w.manifests, "cap-certs-secret.yaml")); got != legacyCertificate {
		t.Error("the certificate Secret changed")
	}
	if !strings.Contains(output, "it expires at 2026-11-20T13:00:00Z, in 1h0m0s") {
		t.Errorf("the output does not tell the expiry: %s", output)
	}
	if strings.Contains(output, "profile") {
		t.Errorf("the output tells of a profile that nobody asked for: %s", output)
	}
	if _, err := os.Stat(w.credentials); err == nil {
		t.Error("~/.aws/credentials was made although no profile was asked for")
	}
}

func TestSeed_FillsAProfileBesides(t *testing.T) {
	w := newWorkDir(t)
	output, err := execute(t, newSeedCommand(testClock()), answerOf("R"), "--profile", "gov")
	if err != nil || !strings.Contains(output, w.credentials+": profile gov has a credential; it expires at ") {
		t.Fatalf("output %q, error %v", output, err)
	}
	requireProfile(t, []byte(w.read(t, w.credentials)), "gov", credentialOf("R"))
	if info, err := os.Stat(w.credentials); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the credentials file has mode %v, want 600", info.Mode())
	}
	if info, err := os.Stat(filepath.Dir(w.credentials)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its directory has mode %v, want 700", info.Mode())
	}

	t.Run("a file that anybody could read is closed, other profiles stay, a symbolic link stays one", func(t *testing.T) {
		target, others := filepath.Join(w.dir, "real"), "# mine\n[default]\naws_access_key_id = D\n"
		writeFile(t, target, others)
		if err := os.Remove(w.credentials); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, w.credentials); err != nil {
			t.Fatal(err)
		}
		if _, err := execute(t, newSeedCommand(testClock()), answerOf("R2"), "--profile", "gov"); err != nil {
			t.Fatal(err)
		}
		content := w.read(t, target)
		if !strings.HasPrefix(content, others) {
			t.Errorf("other profiles changed:\n%s", content)
		}
		requireProfile(t, []byte(content), "gov", credentialOf("R2"))
		if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, want 600", info.Mode())
		}
		if info, err := os.Lstat(w.credentials); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Error("the symbolic link was replaced")
		}
	})
	t.Run("a profile alone, in a file of its own", func(t *testing.T) {
		file := filepath.Join(w.dir, "new", "credentials")
		t.Chdir(w.home) // no manifests here
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
		if _, err := execute(t, newSeedCommand(testClock()), answerOf("R"), "--profile", "gov"); err != nil {
			t.Fatal(err)
		}
		requireProfile(t, []byte(w.read(t, file)), "gov", credentialOf("R"))
	})
}

func TestSeed_AsksThePortalOncePerRole(t *testing.T) {
	t.Run("each Secret gets its own role's credential", func(t *testing.T) {
		w, p := newWorkDir(t), startPortal(t)
		writeFile(t, filepath.Join(w.manifests, "third.yaml"), "apiVersion: v1\nkind: Secret\nmetadata: {namespace: x, name: y, annotations: {rotation.openshift.io/role: StorageRole}}\n")
		writeFile(t, filepath.Join(w.manifests, "fourth.yaml"), "apiVersion: v1\nkind: Secret\nmetadata: {namespace: x, name: z}\nstringData:\n  role: |\n    StorageRole\n")
		if _, err := execute(t, newSeedCommand(testClock()), "", p.flags()...); err != nil {
			t.Fatal(err)
		}
		for name, role := range map[string]string{"cap-ebs-secret.yaml": "StorageRole", "cap-machine-api-secret.yaml": "MachineRole", "third.yaml": "StorageRole", "fourth.yaml": "StorageRole"} {
			requireSecretHolds(t, w.read(t, filepath.Join(w.manifests, name)), credentialOf(role))
		}
		if diff := cmp.Diff(map[string]int{"StorageRole": 1, "MachineRole": 1}, p.asked); diff != "" {
			t.Errorf("requests per role (-want +got):\n%s", diff)
		}
	})
	t.Run("one role for everything", func(t *testing.T) {
		w, p := newWorkDir(t), startPortal(t)
		if _, err := execute(t, newSeedCommand(testClock()), "", append(p.flags(), "--role", "Install", "--profile", "gov")...); err != nil {
			t.Fatal(err)
		}
		requireSecretHolds(t, w.read(t, filepath.Join(w.manifests, "cap-ebs-secret.yaml")), credentialOf("Install"))
		requireProfile(t, []byte(w.read(t, w.credentials)), "gov", credentialOf("Install"))
		if diff := cmp.Diff(map[string]int{"Install": 1}, p.asked); diff != "" {
			t.Errorf("requests per role (-want +got):\n%s", diff)
		}
	})
}

func TestSeed_ChangesNothingWhenAnythingIsNotGood(t *testing.T) {
	portal, refusing := startPortal(t), startPortal(t, "StorageRole")
	expired := startPortal(t)
	writeClientCertificate(t, expired.cert, expired.key, noon.AddDate(0, 0, -1))
	for _, test := range []struct {
		name  string
		stdin string
		args  []string
		says  string // part of the error
	}{
		{"an error of CAP, which wiped the credentials in the old script", `{"status":400,"message":"` + canary + `"}`, nil, "RequestRejected"},
		{"a page", "<html>" + canary + "</html>", nil, "client certificate"},
		{"nothing, because curl failed", "", nil, "empty"},
		{"cut off", answerOf("R")[:60], nil, "MalformedCredential"},
		{"null keys", `{"Credentials":{"AccessKeyId":null,"SecretAccessKey":"` + canary + `"}}`, nil, "MalformedCredential"},
		{"a newline in a key", `{"Credentials":{"AccessKeyId":"` + canary + `\n[x]","SecretAccessKey":"s"}}`, nil, "UnsafeCredential"},
		{"an expired credential", strings.Replace(answerOf("R"), "T13:", "T11:", 1), nil, "CredentialExpired"},
		{"a bad profile name", answerOf("R"), []string{"--profile", "a]b"}, "profile"},
		{"a directory that does not exist", answerOf("R"), []string{"--manifests", "nowhere"}, "nowhere"},
		{"a credentials file that is a directory", answerOf("R"), []string{"--profile", "gov", "--aws-credentials-file", "home"}, "not a file"},
		{"a place that cannot be written to", answerOf("R"), []string{"--profile", "gov", "--aws-credentials-file", "manifests/cap-ebs-secret.yaml/x"}, "not a directory"},
		{"--role without --url", answerOf("R"), []string{"--role", "R"}, "--url"},
		{"one role of two is refused", "", refusing.flags(), "role StorageRole: RoleRefused"},
		{"--profile without --role", "", append(portal.flags(), "--profile", "gov"), "--role"},
		{"a URL with a query", "", append(portal.flags(), "--url", "https://cap.example/api?role="+canary), "no query"},
		{"a certificate without its key", "", []string{"--url", portal.URL, "--agency", "A", "--mission", "M", "--cert", portal.cert}, "--cert and --key are needed"},
		{"no certificate", "", []string{"--url", portal.URL, "--agency", "A", "--mission", "M"}, "--cert"},
		{"an expired certificate", "", expired.flags(), "CertificateExpired"},
		{"a key as certificate", "", append(portal.flags(), "--cert", portal.key), "cap.key holds no certificate"},
		{"a file that does not exist", "", append(portal.flags(), "--ca", "nowhere.pem"), "nowhere.pem"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorkDir(t)
			before := snapshot(t, w.dir)
			_, err := execute(t, newSeedCommand(testClock()), test.stdin, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
			if diff := cmp.Diff(before, snapshot(t, w.dir)); diff != "" {
				t.Errorf("files changed (-before +after):\n%s", diff)
			}
		})
	}
	t.Run("all roles that are refused are named, in their order", func(t *testing.T) {
		newWorkDir(t)
		_, err := execute(t, newSeedCommand(testClock()), "", startPortal(t, "StorageRole", "MachineRole").flags()...)
		if err == nil || !strings.HasPrefix(err.Error(), "role MachineRole: ") || !strings.Contains(err.Error(), "\nrole StorageRole: ") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("there is nothing to fill", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if _, err := execute(t, newSeedCommand(testClock()), answerOf("R")); err == nil || !strings.Contains(err.Error(), "nothing to fill") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a Secret without a role", func(t *testing.T) {
		w := newWorkDir(t)
		writeFile(t, filepath.Join(w.manifests, "z.yaml"), "apiVersion: v1\nkind: Secret\nmetadata: {namespace: a, name: b}\nstringData: {aws_access_key_id: x}\n")
		if _, err := execute(t, newSeedCommand(testClock()), "", portal.flags()...); err == nil || !strings.Contains(err.Error(), "a/b names no role") {
			t.Errorf("error %v", err)
		}
	})
}

func TestSeed_WarnsOfWhatIsLikelyToFailLater(t *testing.T) {
	newWorkDir(t)
	if _, err := execute(t, newSeedCommand(testClock()), `{"Credentials":{"AccessKeyId":"ASIA1","SecretAccessKey":"s"}}`); err == nil || !strings.Contains(err.Error(), "SessionToken") {
		t.Errorf("a temporary key without its token: error %v", err)
	}
	output, err := execute(t, newSeedCommand(testClock()), `{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"soon"}}`)
	if err != nil || !strings.Contains(output, "Warning: CAP gives the expiry in a form that cannot be relied on") || !strings.Contains(output, "its expiry is not known for certain") {
		t.Errorf("output %q, error %v; want a warning about the expiry", output, err)
	}
	output, err = execute(t, newSeedCommand(testClock()), `{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"s"}}`)
	if err != nil || strings.Contains(output, "Warning") || !strings.Contains(output, "does not say when it expires") {
		t.Errorf("output %q, error %v; want it to say that the expiry is not told", output, err)
	}
	p := startPortal(t)
	writeClientCertificate(t, p.cert, p.key, noon.AddDate(0, 0, 3))
	output, err = execute(t, newSeedCommand(testClock()), "", p.flags()...)
	if err != nil || !strings.Contains(output, "Warning: the client certificate expires at 2026-11-23") {
		t.Errorf("output %q, error %v; want a warning about the certificate", output, err)
	}
	if strings.Contains(output, "clock") {
		t.Errorf("output %q speaks of clocks that agree", output)
	}
	p.expires = "soon"
	output, err = execute(t, newSeedCommand(testClock()), "", p.flags()...)
	if err != nil || strings.Count(output, "Warning: role ") != 2 || !strings.Contains(output, "Warning: role MachineRole: CAP gives the expiry in a form that cannot be relied on") {
		t.Errorf("output %q, error %v; want a warning about the expiry of each role", output, err)
	}
	p.expires = ""
	if output, err = execute(t, newSeedCommand(testClock()), "", p.flags()...); err != nil || strings.Contains(output, "Warning: role ") {
		t.Errorf("output %q, error %v; want no warning about an expiry", output, err)
	}
	p.date = noon.Add(50 * time.Minute)
	output, err = execute(t, newSeedCommand(testClock()), "", p.flags()...)
	if err != nil || !strings.Contains(output, "Warning: CAP's clock is 50m0s ahead of this machine's") || !strings.Contains(output, "in 10m0s") {
		t.Errorf("output %q, error %v; want a warning about the clock, and what is left by CAP's", output, err)
	}
}

func TestApply_ChangesNothingWhenOneFileCannotBePrepared(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a"), "old")
	before := snapshot(t, dir)
	err := apply([]change{
		{path: filepath.Join(dir, "a"), content: []byte("new"), mode: plainMode},
		{path: filepath.Join(dir, "missing", "b"), content: []byte("new"), mode: plainMode},
	})
	if err == nil {
		t.Error("no error")
	}
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Errorf("files changed, or were left behind (-before +after):\n%s", diff)
	}
}

func TestApply_WritesWhereALinkPointsAlsoWhileNothingIsThere(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"home", "memory"} { // as where only a file system in memory may hold credentials
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"relative": "../memory/a", "absolute": filepath.Join(dir, "memory", "b")} {
		link := filepath.Join(dir, "home", name)
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if err := apply([]change{{path: link, content: []byte(name), mode: secretMode}}); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s: the link was replaced (%v)", name, err)
		}
		if content, err := os.ReadFile(link); err != nil || string(content) != name {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
}

func TestSeed_TakesAFileOnStandardInput(t *testing.T) {
	w := newWorkDir(t)
	path := filepath.Join(w.dir, "answer")
	writeFile(t, path, answerOf("R"))
	answer, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Close() }()
	cmd := newSeedCommand(testClock())
	cmd.SetIn(answer)
	cmd.SetOut(io.Discard)
	cmd.SetArgs([]string{})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReadAnswer_IsOfAtMostAMebibyte(t *testing.T) {
	good := answerOf("R")
	if _, err := readAnswer(strings.NewReader(good+strings.Repeat(" ", cap.MaxBody-len(good))), noon); err != nil {
		t.Errorf("an answer of the most bytes is refused: %v", err)
	}
	if _, err := readAnswer(strings.NewReader(good+strings.Repeat(" ", cap.MaxBody+1-len(good))), noon); err == nil {
		t.Error("a longer one is taken")
	}
}

func TestDialect_IsCompleted(t *testing.T) {
	for _, cmd := range []*cobra.Command{NewSeedCommand(), NewInstallManifestsCommand()} {
		complete, ok := cmd.GetFlagCompletionFunc("dialect")
		if !ok {
			t.Fatalf("%s does not complete it", cmd.Name())
		}
		if got, _ := complete(cmd, nil, ""); !slices.Equal(got, []string{"C2S", "SC2S"}) {
			t.Errorf("%s offers %q", cmd.Name(), got)
		}
	}
}
