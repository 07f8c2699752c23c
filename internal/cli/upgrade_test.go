package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// requestYAML is a CredentialsRequest as a release has it.
func requestYAML(name, namespace, secret, annotations string) string {
	return "---\napiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata:\n  name: " + name +
		"\n  namespace: openshift-cloud-credential-operator\n  annotations:\n    include.release.openshift.io/self-managed-high-availability: \"true\"\n" + annotations +
		"spec:\n  secretRef:\n    namespace: " + namespace + "\n    name: " + secret + "\n  providerSpec:\n    apiVersion: cloudcredential.openshift.io/v1\n    kind: AWSProviderSpec\n"
}

func object(t *testing.T, text string) client.Object {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.TrimPrefix(text, "---\n")), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func cloudCredential(mode string) client.Object {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "operator.openshift.io/v1", "kind": "CloudCredential", "metadata": map[string]any{"name": "cluster"}, "spec": map[string]any{"credentialsMode": mode},
	}}
}

// servingSet gives a role to these requests.
func servingSet(requests ...string) *v1alpha1.CAPCredentialSet {
	set := &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: "cap"}}
	set.Spec.Endpoint.Agency, set.Spec.Endpoint.Mission, set.Spec.Endpoint.ClientCertificateSecretRef.Name = "A", "M", "cert"
	set.Spec.CredentialsRequests = &v1alpha1.CredentialsRequestsSpec{}
	for _, r := range requests {
		set.Spec.CredentialsRequests.Roles = append(set.Spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Name: r, Role: "role-" + r})
	}
	return set
}

// upgrading runs the command on a release that arrives on standard input, and gives what the CloudCredential says afterwards.
func upgrading(t *testing.T, release, mode string, set *v1alpha1.CAPCredentialSet, args ...string) (out, annotation string, err error) {
	t.Helper()
	env, c := cluster(t, set, cloudCredential(mode), object(t, requestYAML("ingress", "openshift-ingress-operator", "cloud-credentials", "")),
		object(t, requestYAML("registry", "openshift-image-registry", "installer-cloud-credentials", "")), object(t, requestYAML("old", "openshift-old", "creds", "")),
		object(t, requestYAML("gated", "openshift-gated", "creds", "")), object(t, requestYAML("timed", "openshift-timed", "creds", "")+"    stsIAMRoleARN: arn\n"),
		object(t, strings.ReplaceAll(requestYAML("azure", "openshift-azure", "creds", ""), "AWSProviderSpec", "AzureProviderSpec")),
		object(t, ofAddon(requestYAML("addon", "addons", "creds", ""))))
	cmd := newUpgradeCheckCommand(env)
	cmd.SetIn(strings.NewReader(release))
	out, err = run(t, cmd, append([]string{"-"}, args...)...)
	credential := cloudCredential(mode).(*unstructured.Unstructured)
	if err := c.Get(t.Context(), client.ObjectKey{Name: "cluster"}, credential); err != nil {
		t.Fatal(err)
	}
	return out, credential.GetAnnotations()["cloudcredential.openshift.io/upgradeable-to"], err
}

// ofAddon moves a request out of the namespace of those that releases bring.
func ofAddon(request string) string {
	return strings.ReplaceAll(request, "openshift-cloud-credential-operator", "addons")
}

// nextRelease has one request as it was, one with another Secret, a new one, and some that nobody has to serve.
func nextRelease() string {
	return requestYAML("ingress", "openshift-ingress-operator", "cloud-credentials", "") + requestYAML("registry", "openshift-image-registry", "cloud-credentials", "") +
		requestYAML("storage", "openshift-storage-new", "creds", "") + requestYAML("gated", "openshift-gated", "creds", "    release.openshift.io/feature-set: TechPreviewNoUpgrade\n") +
		strings.ReplaceAll(requestYAML("gcp", "openshift-gcp", "creds", ""), "AWSProviderSpec", "GCPProviderSpec")
}

func TestUpgradeCheck_SaysWhichRequestsHaveARoleAndWhichHaveNone(t *testing.T) {
	out, _, err := upgrading(t, nextRelease(), "Manual", servingSet("ingress", "registry"))
	expect(t, out, "has 3 AWS CredentialsRequests to serve. Without credentials after the upgrade: 1.",
		"NewWithoutRole storage openshift-storage-new/creds - cap", "storage: CAPCredentialSet cap selects it without a role.",
		"Covered ingress openshift-ingress-operator/cloud-credentials role-ingress cap", "SecretChanged registry openshift-image-registry/cloud-credentials role-registry cap",
		"registry: Its Secret is openshift-image-registry/installer-cloud-credentials before the upgrade.", "Gone old openshift-old/creds - -", "gated: Left out: it belongs to the feature set TechPreviewNoUpgrade")
	apart(t, out, "ANSWER", "storage: CAPCredentialSet")
	if strings.Index(out, "NewWithoutRole") > strings.Index(out, "Covered ") {
		t.Errorf("what needs a person is not first:\n%s", out)
	}
	if code := ExitCode(err); err == nil || code != 3 || strings.Contains(err.Error(), "acknowledged") {
		t.Errorf("the exit code is %d (%v), want 3 and nothing of what was not asked for", code, err)
	}
	for _, other := range []string{"timed", "azure", "addon", "Gone gated"} {
		if strings.Contains(strings.Join(strings.Fields(out), " "), other) {
			t.Errorf("it names %s, which the upgrade leaves as it is:\n%s", other, out)
		}
	}
}

func TestUpgradeCheck_SaysInWordsWhatTheUpgradeWillBring(t *testing.T) {
	gated := requestYAML("gated", "openshift-gated", "creds", "    release.openshift.io/feature-set: TechPreviewNoUpgrade\n")
	for name, tc := range map[string]struct {
		release string
		args    []string
		says    string
	}{
		"new Secrets": {nextRelease(), nil, "The release has 3 AWS CredentialsRequests to serve. Each has a role. 2 new Secrets will be created when their namespaces exist. Add --acknowledge"},
		"one is as before, one is not wanted": {requestYAML("ingress", "openshift-ingress-operator", "cloud-credentials", "") + gated, nil,
			"The release has 1 AWS CredentialsRequests to serve. Each has a role. Add --acknowledge VERSION to tell the cluster that it may upgrade."},
		"acknowledged":             {nextRelease(), []string{"--acknowledge", "4.21.3"}, "when their namespaces exist. The cluster may now upgrade to 4.21.3."},
		"with what is gated":       {nextRelease(), []string{"--tech-preview"}, "The release has 4 AWS CredentialsRequests to serve. Each has a role."},
		"with one that is deleted": {nextRelease() + ofAddon(requestYAML("addon", "addons", "creds", "    release.openshift.io/delete: \"true\"\n")), nil, "Gone addon addons/creds - -"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := upgrading(t, tc.release, "Manual", servingSet("ingress", "registry", "storage", "gated"), tc.args...)
			if err != nil {
				t.Errorf("each has a role, and the error is %v", err)
			}
			expect(t, out, tc.says)
		})
	}
}

func TestUpgradeCheck_IsAlsoForPrograms(t *testing.T) {
	out, _, err := upgrading(t, nextRelease(), "Manual", servingSet("ingress", "registry"), "-o", "json")
	var view UpgradeView
	if uncovered := (*UncoveredError)(nil); !errors.As(err, &uncovered) || json.Unmarshal([]byte(out), &view) != nil {
		t.Fatalf("got %v and %s", err, out)
	}
	answers := map[string]plan.Answer{}
	for _, r := range view.Requests {
		_, name, _ := strings.Cut(r.Request, "/")
		answers[name] = r.Answer
	}
	for name, want := range map[string]plan.Answer{"ingress": plan.AnswerCovered, "registry": plan.AnswerSecretChanged, "storage": plan.AnswerNewWithoutRole, "old": plan.AnswerGone} {
		if answers[name] != want {
			t.Errorf("%s is %s, want %s", name, answers[name], want)
		}
	}
	if len(view.LeftOut) != 1 || view.Acknowledged != "" {
		t.Errorf("it says %+v", view)
	}
}

// The cluster is told that it may upgrade only when it was asked for, in Manual mode, and if nothing is missing.
func TestUpgradeCheck_AcknowledgesOnlyWhatIsComplete(t *testing.T) {
	all := servingSet("ingress", "registry", "storage")
	for what, tc := range map[string]struct {
		mode string
		set  *v1alpha1.CAPCredentialSet
		args []string
		want string
		fail bool
	}{
		"complete":        {"Manual", all, []string{"--acknowledge", "4.21.3"}, "4.21.3", false},
		"not asked for":   {"Manual", all, nil, "", false},
		"a role missing":  {"Manual", servingSet("ingress", "registry"), []string{"--acknowledge", "4.21.3"}, "", true},
		"another mode":    {"Mint", all, []string{"--acknowledge", "4.21.3"}, "", true},
		"no version":      {"Manual", all, []string{"--acknowledge", "next"}, "", true},
		"a minor version": {"Manual", all, []string{"--acknowledge", "4.21"}, "", true},
	} {
		out, annotation, err := upgrading(t, nextRelease(), tc.mode, tc.set.DeepCopy(), tc.args...)
		if annotation != tc.want || (err != nil) != tc.fail {
			t.Errorf("%s: the annotation is %q, want %q (%v)\n%s", what, annotation, tc.want, err, out)
		}
		if missing := (*UncoveredError)(nil); errors.As(err, &missing) && !strings.Contains(err.Error(), "(1, see above); the upgrade was not acknowledged") {
			t.Errorf("%s: it ends with %v", what, err)
		}
		if told := strings.Contains(out, "may now upgrade to"); told != (tc.want != "") {
			t.Errorf("%s: it says that the cluster may upgrade: %t", what, told)
		}
	}
}

func TestUpgradeCheck_ReadsADirectoryAndRefusesWhatIsNoRelease(t *testing.T) {
	env, _ := cluster(t, servingSet("ingress", "registry", "storage"), object(t, requestYAML("ingress", "openshift-ingress-operator", "cloud-credentials", "")))
	check := func(from, in string) error {
		cmd := newUpgradeCheckCommand(env)
		cmd.SetIn(strings.NewReader(in))
		out, err := run(t, cmd, from)
		if err == nil {
			expect(t, out, "has 3 AWS CredentialsRequests to serve")
		}
		return err
	}
	dir, empty, dangling := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.Symlink(filepath.Join(empty, "none"), filepath.Join(dangling, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	for i, text := range strings.SplitAfter(nextRelease(), "AWSProviderSpec\n") {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(dir, ""); err != nil {
		t.Errorf("a directory: %v", err)
	}
	for what, err := range map[string]error{
		"an empty directory": check(empty, ""), "no directory": check(filepath.Join(empty, "none"), ""), "nothing": check("-", ""), "no YAML": check("-", "a: [CANARY"), "a link to nothing": check(dangling, ""),
		"a request twice": check("-", nextRelease()+nextRelease()), "a request without a Secret": check("-", requestYAML("r", "", "", "")),
	} {
		if err == nil || ExitCode(err) != 1 || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestUpgradeCheck_SaysWhatItNeedsToRead(t *testing.T) {
	empty := t.TempDir()
	for says, args := range map[string][]string{
		"upgrade-check needs one directory with the CredentialsRequests of the next release, or - for standard input, and got 0": nil,
		"standard input, and got 2": {"a", "b"},
		"standard input holds no AWS CredentialsRequest: it needs the output of oc adm release extract --credentials-requests --cloud=aws RELEASE_IMAGE": {"-"},
		"fill it with oc adm release extract --credentials-requests --cloud=aws --to=" + empty + " RELEASE_IMAGE":                                        {empty},
	} {
		cmd := newUpgradeCheckCommand(environment{})
		cmd.SetIn(strings.NewReader(""))
		if _, err := run(t, cmd, args...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: it says %v, want %q", args, err, says)
		}
	}
}

func TestUpgradeCheck_ReadsNoMoreThanAReleaseCanBe(t *testing.T) {
	const limit = 16 << 20
	for size, says := range map[int]string{limit: "not valid YAML", limit + 1: "standard input is larger than 16 MiB"} {
		if _, err := readRelease("-", strings.NewReader(strings.Repeat("\x00", size)), false); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d bytes: %v, want %q", size, err, says)
		}
	}
}
