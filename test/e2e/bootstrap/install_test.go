package bootstrap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	operatorv1 "github.com/openshift/api/operator/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// ownProfile is in the installing user's credentials file.
const ownProfile = "# keys of the lab; do not touch\n[lab]\naws_access_key_id=AKIALAB\naws_secret_access_key = lab+secret\n\n[cap]\nregion = us-iso-east-1\n"

// All commands of the page "Installing a cluster in a C2S or SC2S region": with the directory of manifests, unchanged, an empty API server
// runs the operator, which refreshes credentials, although OpenShift's own kinds come later.
func TestInstalling_ThePageBringsUpAClusterWithFreshCredentials(t *testing.T) {
	capSim, cluster := newPortal(t), newCluster(t)
	cluster.requests = append(cluster.requests, addon)
	page, shell := readPage(t, "installing-in-c2s.md"), cluster.shell()
	capSim.writeFiles(shell)
	shell.write("cluster/install-config.yaml", []byte("baseDomain: example.ic.gov\ncredentialsMode: Manual\nmetadata:\n  name: c2s\n"))
	credentialsFile := filepath.Join(shell.home, ".aws", "credentials")
	must(t, os.Mkdir(filepath.Dir(credentialsFile), 0o755))
	must(t, os.WriteFile(credentialsFile, []byte(ownProfile), 0o644))

	shell.run(withValues(t, page.next("1. Set your values", "sh"), capSim.values()))
	shell.run(page.next("2. Credentials for the installer", "sh"))
	capSim.wantCalls(t, 1)
	first := wantProfile(t, credentialsFile, capSim)
	shell.run(page.next("2. Credentials for the installer", "sh"))
	capSim.wantCalls(t, 1)
	if again := wantProfile(t, credentialsFile, capSim); again == first {
		t.Error("curl's response is not in the profile")
	}

	out := shell.run(page.next("3. Write the manifests", "sh"))
	if !strings.Contains(out, "openshift-cluster-api-aws is left out") {
		t.Errorf("the output does not report that the request of tech preview is left out:\n%s", out)
	}
	capSim.wantCalls(t, manyRoles)
	cluster.wantManifests(shell.path("cluster", "manifests"), capSim, func(request string) string { return roleOf[request] })
	shell.run(page.next("3. Write the manifests", "sh"))
	capSim.wantCalls(t, manyRoles)
	cluster.wantManifests(shell.path("cluster", "manifests"), capSim, func(request string) string { return roleOf[request] })
	shell.run(page.next("3. Write the manifests", "sh"))
	capSim.wantCalls(t, 1)
	cluster.wantManifests(shell.path("cluster", "manifests"), capSim, func(string) string { return installRole })

	shell.run(page.next("4. Install", "sh"))
	cluster.runDeployment(capSim)
	cluster.eventuallyReason(v1alpha1.ConditionReady, v1alpha1.ReasonNoTargets)
	capSim.wantCalls(t, 0)

	cluster.bringOpenShift(shell)
	shell.run(page.next("4. Install", "sh"))
	cluster.wantRefreshed(capSim)
	capSim.wantCalls(t, manyRoles)

	must(t, cluster.InstallMonitoringKinds())
	shell.run(page.next("4. Install", "sh"))
	rule := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule"}}
	must(t, cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: operatorName}, rule))
	shell.run(page.next("5. Afterwards", "sh"))
	cluster.wantRefreshed(capSim)

	page.done()
	shell.wantNoSecrets(capSim.canaries())
}

// wantProfile fails the test unless the profile has a valid credential and the rest of the file is unchanged, and returns its key.
func wantProfile(t *testing.T, file string, capSim *portal) string {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	lines := map[string]string{}
	var kept strings.Builder
	_, after, _ := strings.Cut(string(content), "[cap]\n")
	for line := range strings.Lines(after) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), " = "); found {
			lines[name] = value
		}
	}
	for line := range strings.Lines(string(content)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " = "); value == "" || lines[name] != value || name == "region" {
			kept.WriteString(line)
		}
	}
	if kept.String() != ownProfile {
		t.Errorf("the rest of the file is\n%s\nwant\n%s", kept.String(), ownProfile)
	}
	c := awscreds.Credential{AccessKeyID: lines["aws_access_key_id"], SecretAccessKey: lines["aws_secret_access_key"], SessionToken: lines["aws_session_token"]}
	if role, err := capSim.live(c); err != nil || role != installRole || c.SessionToken == "" {
		t.Errorf("the profile's credential is of role %q, %v", role, err)
	}
	wantMode(t, file, 0o600)
	return c.AccessKeyID
}

// wantManifests fails the test unless each Secret among the manifests has a valid credential of its role, and only its owner can read it.
func (c *cluster) wantManifests(dir string, capSim *portal, roleOf func(request string) string) {
	t := c.t
	t.Helper()
	for _, r := range c.requests {
		path := filepath.Join(dir, strings.Join([]string{operatorName, "50", "secret", r.SecretNamespace, r.SecretName}, "_")+".yaml")
		content, err := os.ReadFile(path)
		must(t, err)
		var secret struct{ StringData map[string]string }
		must(t, yaml.Unmarshal(content, &secret))
		data := map[string][]byte{}
		for key, value := range secret.StringData {
			data[key] = []byte(value)
		}
		credential, err := awscreds.Parse(data)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if role, err := capSim.live(credential); err != nil || role != roleOf(r.Name) {
			t.Errorf("%s has a credential of role %q, want %q; %v", path, role, roleOf(r.Name), err)
		}
		wantMode(t, path, 0o600)
	}
	wantMode(t, filepath.Join(dir, operatorName+"_50_secret_cap-client-certificate.yaml"), 0o600)
}

func wantMode(t testing.TB, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

// bringOpenShift installs what the cluster-version operator installs while the operator already runs: its kinds, the cloud-credential-operator's
// mode and the CredentialsRequests, without those of tech preview.
func (c *cluster) bringOpenShift(shell *shell) {
	c.t.Helper()
	must(c.t, c.InstallOpenShiftKinds(c.t.Context()))
	must(c.t, harness.Ensure(c.t.Context(), c.Client, &operatorv1.CloudCredential{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
		Spec: operatorv1.CloudCredentialSpec{
			OperatorSpec: operatorv1.OperatorSpec{ManagementState: operatorv1.Managed}, CredentialsMode: operatorv1.CloudCredentialsModeManual,
		},
	}))
	files, err := os.ReadDir(shell.path("requests"))
	must(c.t, err)
	for _, f := range files {
		content, err := os.ReadFile(shell.path("requests", f.Name()))
		must(c.t, err)
		if !strings.Contains(string(content), "TechPreview") {
			shell.run("oc create -f requests/" + f.Name())
		}
	}
}
