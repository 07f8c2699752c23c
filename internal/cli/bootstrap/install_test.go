package bootstrap

import (
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/config"
)

// credentialsRequest is one as the release holds them.
func credentialsRequest(name, kind, namespace, secret, annotations string) string {
	return `---
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata:
  name: ` + name + `
  namespace: openshift-cloud-credential-operator
  annotations:
    include.release.openshift.io/self-managed-high-availability: "true"
` + annotations + `spec:
  secretRef: {name: ` + secret + `, namespace: ` + namespace + `}
  providerSpec:
    apiVersion: cloudcredential.openshift.io/v1
    kind: ` + kind + `
    statementEntries: [{effect: Allow, action: ["*"], resource: "*"}]
`
}

// installDir is an output directory with the installer's manifests, a directory of requests and a role map.
type installDir struct{ output, requests, roles string }

func newInstallDir(t *testing.T) installDir {
	t.Helper()
	dir := t.TempDir()
	d := installDir{output: filepath.Join(dir, "manifests"), requests: filepath.Join(dir, "requests"), roles: filepath.Join(dir, "roles.yaml")}
	for _, p := range []string{d.output, d.requests} {
		if err := os.Mkdir(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(d.output, "cluster-config.yaml"), "kind: ConfigMap\ndata:\n  install-config: |\n    credentialsMode: Manual\n    metadata: {name: x}\n")
	for file, content := range map[string]string{
		"mapi.yaml":  credentialsRequest("openshift-machine-api-aws", "AWSProviderSpec", "openshift-machine-api", "aws-cloud-credentials", ""),
		"azure.yaml": credentialsRequest("openshift-machine-api-azure", "AzureProviderSpec", "openshift-machine-api", "azure-cloud-credentials", ""),
		"two.yaml": credentialsRequest("aws-ebs-csi-driver-operator", "AWSProviderSpec", "openshift-cluster-csi-drivers", "ebs-cloud-credentials", "    release.openshift.io/feature-set: Default,TechPreviewNoUpgrade\n") +
			credentialsRequest("openshift-ingress", "AWSProviderSpec", "openshift-ingress-operator", "cloud-credentials", ""),
		"capi.yaml":   credentialsRequest("openshift-cluster-api-aws", "AWSProviderSpec", "openshift-cluster-api", "capa-manager-bootstrap-credentials", "    release.openshift.io/feature-set: CustomNoUpgrade,TechPreviewNoUpgrade\n"),
		"addon.yaml":  credentialsRequest("addon", "AWSProviderSpec", "addon-namespace", "addon-aws-keys", ""),
		"sts.yaml":    strings.Replace(credentialsRequest("timed", "AWSProviderSpec", "x", "y", ""), "    statementEntries", "    stsIAMRoleARN: arn:aws:iam::1:role/x\n    statementEntries", 1),
		"delete.yaml": credentialsRequest("gone", "AWSProviderSpec", "x", "z", "    release.openshift.io/delete: \"true\"\n"),
		"other.yaml":  "kind: ConfigMap\n",
		"README.md":   "not YAML: [",
	} {
		writeFile(t, filepath.Join(d.requests, file), content)
	}
	writeFile(t, d.roles, "openshift-machine-api-aws: |\n  MachineRole\naddon: AddonRole\nopenshift-efs-later: EFSRole\n")
	return d
}

func (d installDir) flags(p *testPortal, more ...string) []string {
	return append(append(p.flags(), "--credentials-requests", d.requests, "--roles", d.roles, "--default-role", "y", "--output", d.output), more...)
}

func runInstall(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return execute(t, newInstallManifestsCommand(testClock(), config.Install(), config.Monitoring()), "", args...)
}

// ours are the written files in the order of their names.
func (d installDir) ours(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(d.output, "credential-rotation-operator_*"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(paths)
	return paths
}

func decode[T any](t *testing.T, path string) *T {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := new(T)
	if err := yaml.UnmarshalStrict(content, o); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return o
}

func TestInstallManifests_WritesACompleteSetInTheOrderInWhichItCanBeApplied(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	output, err := runInstall(t, d.flags(p, "--fetch", "--image", "mirror.example/cro@sha256:1", "--extra-parameter", "a=b", "--timeout", "1m")...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	namespaces, rest := map[string]bool{"": true}, output
	for _, path := range d.ours(t) {
		name := strings.TrimPrefix(filepath.Base(path), "credential-rotation-operator_")
		got = append(got, name)
		var found bool
		if _, rest, found = strings.Cut(rest, path+": "); !found {
			t.Errorf("the output does not name %s in its turn:\n%s", path, output)
		}
		words, _, _ := strings.Cut(rest, "\n")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var o struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal(content, &o); err != nil {
			t.Fatal(err)
		}
		if want := o.Kind + " " + strings.TrimPrefix(o.Metadata.Namespace+"/"+o.Metadata.Name, "/"); words != want {
			t.Errorf("%s is said to be %q, and is %q", name, words, want)
		}
		if o.Kind == "Namespace" {
			namespaces[o.Metadata.Name] = true
		}
		if !namespaces[o.Metadata.Namespace] {
			t.Errorf("%s comes before its namespace", name)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); (mode == 0o600) != (o.Kind == "Secret") {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
	want := []string{
		"00_namespace_openshift-credential-rotation-operator.yaml",
		"10_customresourcedefinition_capcredentialsets.rotation.openshift.io.yaml",
		"40_namespace_addon-namespace.yaml",
		"40_namespace_openshift-cluster-csi-drivers.yaml",
		"40_namespace_openshift-ingress-operator.yaml",
		"40_namespace_openshift-machine-api.yaml",
		"41_role_addon-namespace_credential-rotation-operator-secrets.yaml",
		"41_rolebinding_addon-namespace_credential-rotation-operator-secrets.yaml",
		"50_secret_addon-namespace_addon-aws-keys.yaml",
		"50_secret_cap-client-certificate.yaml",
		"50_secret_openshift-cluster-csi-drivers_ebs-cloud-credentials.yaml",
		"50_secret_openshift-ingress-operator_cloud-credentials.yaml",
		"50_secret_openshift-machine-api_aws-cloud-credentials.yaml",
		"60_capcredentialset_cap.yaml",
		"70_deployment_credential-rotation-operator.yaml",
	}
	others := slices.DeleteFunc(slices.Clone(got), func(n string) bool { return slices.Contains(want, n) })
	for _, n := range others { // the kinds, rights and settings of the operator, whatever their number
		if !strings.HasPrefix(n, "10_") && !strings.HasPrefix(n, "20_") && !strings.HasPrefix(n, "30_") {
			t.Errorf("unexpected file %s", n)
		}
	}
	if diff := cmp.Diff(want, slices.DeleteFunc(got, func(n string) bool { return !slices.Contains(want, n) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(others) < 8 {
		t.Errorf("only %d files with kinds, rights and settings", len(others))
	}

	file := func(name string) string { return filepath.Join(d.output, "credential-rotation-operator_"+name) }
	t.Run("the set is what the API wants", func(t *testing.T) {
		set := decode[v1alpha1.CAPCredentialSet](t, file("60_capcredentialset_cap.yaml"))
		if set.APIVersion != v1alpha1.GroupVersion.String() || set.Kind != "CAPCredentialSet" || set.Name != "cap" {
			t.Errorf("%s %s %s", set.APIVersion, set.Kind, set.Name)
		}
		endpoint := set.Spec.Endpoint
		if endpoint.URL != p.URL || endpoint.Agency != "A" || endpoint.Mission != "M" || endpoint.Dialect != v1alpha1.DialectC2S ||
			endpoint.ExtraParameters["a"] != "b" || endpoint.Timeout == nil || endpoint.Timeout.Minutes() != 1 {
			t.Errorf("endpoint %+v", endpoint)
		}
		served := &v1alpha1.CredentialsRequestsSpec{DefaultRole: "y", Roles: []v1alpha1.RequestRole{
			{Name: "addon", Role: "AddonRole"}, {Name: "openshift-efs-later", Role: "EFSRole"}, {Name: "openshift-machine-api-aws", Role: "MachineRole"},
		}}
		if diff := cmp.Diff(served, set.Spec.CredentialsRequests); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		certificate := decode[corev1.Secret](t, file("50_secret_cap-client-certificate.yaml"))
		if certificate.Name != endpoint.ClientCertificateSecretRef.Name || certificate.Namespace != operatorNamespace || len(certificate.StringData) != 3 {
			t.Errorf("the certificate Secret is %s/%s with %d keys", certificate.Namespace, certificate.Name, len(certificate.StringData))
		}
	})
	t.Run("each Secret has the credential of its role, each role was asked for once", func(t *testing.T) {
		for name, role := range map[string]string{
			"addon-namespace_addon-aws-keys": "AddonRole", "openshift-machine-api_aws-cloud-credentials": "MachineRole",
			"openshift-cluster-csi-drivers_ebs-cloud-credentials": "y", "openshift-ingress-operator_cloud-credentials": "y",
		} {
			content, err := os.ReadFile(file("50_secret_" + name + ".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			secret := requireSecretHolds(t, string(content), credentialOf(role))
			if secret.Type != corev1.SecretTypeOpaque || secret.Annotations[v1alpha1.RoleAnnotation] != role {
				t.Errorf("%s: type %s, role %q", name, secret.Type, secret.Annotations[v1alpha1.RoleAnnotation])
			}
		}
		if diff := cmp.Diff(map[string]int{"AddonRole": 1, "MachineRole": 1, "y": 1}, p.asked); diff != "" {
			t.Errorf("requests per role (-want +got):\n%s", diff)
		}
	})
	t.Run("the Deployment can run before there are workers", func(t *testing.T) {
		pod := decode[appsv1.Deployment](t, file("70_deployment_credential-rotation-operator.yaml")).Spec.Template.Spec
		if pod.Containers[0].Image != "mirror.example/cro@sha256:1" || pod.PriorityClassName != "system-cluster-critical" {
			t.Errorf("image %s, priority %s", pod.Containers[0].Image, pod.PriorityClassName)
		}
		for _, taint := range []string{"node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"} {
			if !slices.ContainsFunc(pod.Tolerations, func(t corev1.Toleration) bool { return t.Key == taint && t.Effect == corev1.TaintEffectNoSchedule }) {
				t.Errorf("it does not tolerate %s", taint)
			}
		}
	})
	t.Run("a Secret that the operator's rights do not name gets a right of its own", func(t *testing.T) {
		role := decode[rbacv1.Role](t, file("41_role_addon-namespace_credential-rotation-operator-secrets.yaml"))
		binding := decode[rbacv1.RoleBinding](t, file("41_rolebinding_addon-namespace_credential-rotation-operator-secrets.yaml"))
		if diff := cmp.Diff([]string{"addon-aws-keys"}, role.Rules[0].ResourceNames); diff != "" {
			t.Error(diff)
		}
		if binding.RoleRef.Name != role.Name || binding.Subjects[0].Namespace != operatorNamespace || binding.Subjects[0].Name != "credential-rotation-operator" {
			t.Errorf("the binding gives %s to %+v", binding.RoleRef.Name, binding.Subjects)
		}
	})
	t.Run("what is left out is told", func(t *testing.T) {
		for _, part := range []string{"openshift-cluster-api-aws is left out", "timed is left out", "gone is left out", "openshift-efs-later"} {
			if !strings.Contains(output, part) {
				t.Errorf("the output does not say %q:\n%s", part, output)
			}
		}
		if strings.Contains(output, "azure") || strings.Contains(output, "credentialsMode") {
			t.Errorf("the output has a warning without a reason:\n%s", output)
		}
	})
}

func TestInstallManifests_LeavesSecretsThatSeedFills(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	if _, err := runInstall(t, d.flags(p)...); err != nil {
		t.Fatal(err)
	}
	if len(p.asked) != 0 {
		t.Errorf("the portal was asked without --fetch: %v", p.asked)
	}
	secret := filepath.Join(d.output, "credential-rotation-operator_50_secret_openshift-machine-api_aws-cloud-credentials.yaml")
	if empty, err := os.ReadFile(secret); err != nil || strings.Contains(string(empty), "stringData") || strings.Contains(string(empty), "\ndata") {
		t.Errorf("the Secret has data already (%v):\n%s", err, empty)
	}
	certificate, err := os.ReadFile(filepath.Join(d.output, "credential-rotation-operator_50_secret_cap-client-certificate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(certificate), "annotations") {
		t.Error("the Secret of the certificate has annotations")
	}
	if _, err := execute(t, newSeedCommand(testClock()), "", append(p.flags(), "--manifests", d.output)...); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	requireSecretHolds(t, string(content), credentialOf("MachineRole"))
	if after, err := os.ReadFile(filepath.Join(d.output, "credential-rotation-operator_50_secret_cap-client-certificate.yaml")); err != nil || string(after) != string(certificate) {
		t.Error("seed changed the certificate Secret")
	}

	t.Run("a second run does not throw the credentials away", func(t *testing.T) {
		before := snapshot(t, d.output)
		if _, err := runInstall(t, d.flags(p)...); err == nil || !strings.Contains(err.Error(), "--force") {
			t.Errorf("error %v, want one that names --force", err)
		}
		if diff := cmp.Diff(before, snapshot(t, d.output)); diff != "" {
			t.Errorf("files changed (-before +after):\n%s", diff)
		}
		if _, err := runInstall(t, d.flags(p, "--force")...); err != nil {
			t.Error(err)
		}
		if _, err := runInstall(t, d.flags(p)...); err != nil {
			t.Errorf("the same files again: %v", err)
		}
	})
}

func TestInstallManifests_TwoRequestsMayShareANamespaceAndASecret(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	writeFile(t, d.roles, "addon: AddonRole\nneighbour: AddonRole\n")
	writeFile(t, filepath.Join(d.requests, "more.yaml"), credentialsRequest("neighbour", "AWSProviderSpec", "addon-namespace", "addon-aws-keys", "")+
		credentialsRequest("another", "AWSProviderSpec", "openshift-machine-api", "cloud-credentials", ""))
	output, err := runInstall(t, d.flags(p)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"50_secret_addon-namespace_addon-aws-keys", "50_secret_openshift-machine-api_cloud-credentials", "50_secret_openshift-machine-api_aws-cloud-credentials"} {
		if _, err := os.Stat(filepath.Join(d.output, "credential-rotation-operator_"+name+".yaml")); err != nil {
			t.Error(err)
		}
	}
	if strings.Contains(output, "which no CredentialsRequest of this release has") {
		t.Errorf("a role is for no request: %s", output)
	}
	set, err := os.ReadFile(filepath.Join(d.output, "credential-rotation-operator_60_capcredentialset_cap.yaml"))
	if err != nil || strings.Contains(string(set), "extraParameters") || strings.Contains(string(set), "timeout") {
		t.Errorf("the set says what nobody asked for (%v):\n%s", err, set)
	}
}

func TestInstallManifests_WithoutARoleMapAllHaveTheDefaultRole(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	if _, err := runInstall(t, d.flags(p, "--roles", "")...); err != nil {
		t.Fatal(err)
	}
	set := decode[map[string]any](t, filepath.Join(d.output, "credential-rotation-operator_60_capcredentialset_cap.yaml"))
	spec, _ := (*set)["spec"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"defaultRole": "y"}, spec["credentialsRequests"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheckLimits_TakesWhatTheAPITakes(t *testing.T) {
	for _, c := range []struct {
		timeout     time.Duration
		name, value string // of an extra parameter
		good        bool
	}{
		{time.Second, "x", "", true},
		{5 * time.Minute, strings.Repeat("é", 128), strings.Repeat("é", 1024), true},
		{time.Second - 1, "x", "", false},
		{5*time.Minute + 1, "x", "", false},
		{time.Minute, "", "y", false},
		{time.Minute, strings.Repeat("x", 129), "", false},
		{time.Minute, "x", strings.Repeat("y", 1025), false},
	} {
		i := &install{name: "cap", portal: portal{Timeout: c.timeout, ExtraParameters: map[string]string{c.name: c.value}}}
		if err := i.checkLimits(); (err == nil) != c.good {
			t.Errorf("of a timeout of %s, a name of %d and a value of %d bytes it says %v", c.timeout, len(c.name), len(c.value), err)
		}
	}
}

func TestAssignRoles_NamesWhatNoRequestHasInOrder(t *testing.T) {
	_, unknown, err := assignRoles(nil, map[string]string{"f": "x", "e": "x", "d": "x", "c": "x", "b": "x", "a": "x"}, "")
	if want := []string{"a", "b", "c", "d", "e", "f"}; err != nil || !slices.Equal(unknown, want) {
		t.Errorf("it names %q, %v, want %q", unknown, err, want)
	}
}

func TestWhereFrom_NamesTheFlagOrTheLineOfTheRoleMap(t *testing.T) {
	i := &install{rolesFile: "roles.yaml", portal: portal{Timeout: defaultPortalTimeout}, roles: map[string]string{"a": "A", "b": "B"}}
	set := i.setObject()
	for _, c := range []struct {
		path []any
		want string
	}{
		{[]any{"spec", "endpoint", "agency"}, "--agency"},
		{[]any{"spec", "credentialsRequests", "roles"}, "the CAPCredentialSet"},
		{[]any{"spec", "credentialsRequests", "roles", 1}, "the CAPCredentialSet"},
		{[]any{"spec", "credentialsRequests", "roles", 1, "name"}, "roles.yaml: the name b"},
		{[]any{"spec", "credentialsRequests", "roles", 1, "role"}, "roles.yaml: the role of CredentialsRequest b"},
	} {
		if got := i.whereFrom(set, c.path); got != c.want {
			t.Errorf("%v is from %q, want %q", c.path, got, c.want)
		}
	}
}

func TestInstallManifests_LeavesTheProxyToTheCluster(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	writeFile(t, filepath.Join(d.output, "cluster-proxy-01-config.yaml"), "kind: Proxy\nspec: {httpsProxy: http://proxy:1, noProxy: a}\nstatus: {httpsProxy: http://user:"+canary+"@proxy:1, noProxy: \"a,172.30.0.0/16\"}\n")
	if _, err := runInstall(t, d.flags(p)...); err != nil {
		t.Fatal(err)
	}
	// A proxy in the Deployment would take precedence over the cluster's, even after that has changed.
	deployment := decode[appsv1.Deployment](t, filepath.Join(d.output, "credential-rotation-operator_70_deployment_credential-rotation-operator.yaml"))
	own := false
	for _, v := range deployment.Spec.Template.Spec.Containers[0].Env {
		own = own || v.Name == "POD_NAMESPACE"
		if strings.HasSuffix(v.Name, "_PROXY") {
			t.Errorf("%s is fixed in the Deployment", v.Name)
		}
	}
	if !own {
		t.Error("the operator's own environment is gone")
	}
}

func TestInstallManifests_TakesTheCredentialsModeFromTheInstallersManifests(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	writeFile(t, filepath.Join(d.output, "cluster-config.yaml"), "kind: ConfigMap\ndata:\n  install-config: |\n    metadata: {name: x}\n")
	output, err := runInstall(t, d.flags(p)...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(output, "credentialsMode: Manual") {
		t.Errorf("no warning about the credentials mode: %s", output)
	}

	// Whoever keeps the manifests apart from the installer's has none of it here.
	if err := os.Remove(filepath.Join(d.output, "cluster-config.yaml")); err != nil {
		t.Fatal(err)
	}
	if output, err = runInstall(t, d.flags(p)...); err != nil || strings.Contains(output, "credentialsMode") {
		t.Errorf("of a mode that is not known it says %q, %v", output, err)
	}
}

func TestInstallManifests_IncludesTechPreviewWhenAsked(t *testing.T) {
	d, p := newInstallDir(t), startPortal(t)
	if _, err := runInstall(t, d.flags(p, "--tech-preview")...); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(d.output, "credential-rotation-operator_50_secret_openshift-cluster-api_capa-manager-bootstrap-credentials.yaml")); err != nil {
		t.Error(err)
	}
}

func TestInstallManifests_WritesNothingWhenAnythingIsNotGood(t *testing.T) {
	portal, refusing := startPortal(t), startPortal(t, "AddonRole")
	for _, test := range []struct {
		name   string
		change func(*testing.T, installDir)
		args   func(installDir) []string
		says   string
	}{
		{"a role is missing", nil, func(d installDir) []string { return d.flags(portal, "--default-role", "") }, "no role for CredentialsRequest aws-ebs-csi-driver-operator, openshift-ingress"},
		{"CAP refuses a role", nil, func(d installDir) []string { return d.flags(refusing, "--fetch") }, "role AddonRole: RoleRefused"},
		{"no requests", nil, func(d installDir) []string { return d.flags(portal, "--credentials-requests", d.output) }, "no AWS CredentialsRequest"},
		{"a role map that is a list", func(t *testing.T, d installDir) { writeFile(t, d.roles, "- "+canary) }, func(d installDir) []string { return d.flags(portal) }, "not a map"},
		{"an empty role", func(t *testing.T, d installDir) { writeFile(t, d.roles, "addon: ''") }, func(d installDir) []string { return d.flags(portal) }, "addon has an empty role"},
		{"a request twice", func(t *testing.T, d installDir) {
			writeFile(t, filepath.Join(d.requests, "z.yaml"), credentialsRequest("addon", "AWSProviderSpec", "a", "b", ""))
		}, func(d installDir) []string { return d.flags(portal) }, "addon twice"},
		{"two roles for one Secret", func(t *testing.T, d installDir) {
			writeFile(t, filepath.Join(d.requests, "z.yaml"), credentialsRequest("z", "AWSProviderSpec", "addon-namespace", "addon-aws-keys", ""))
		}, func(d installDir) []string { return d.flags(portal) }, "different roles in the same Secret addon-namespace/addon-aws-keys"},
		{"a request without a Secret", func(t *testing.T, d installDir) {
			writeFile(t, filepath.Join(d.requests, "z.yaml"), credentialsRequest("z", "AWSProviderSpec", "''", "''", ""))
		}, func(d installDir) []string { return d.flags(portal) }, "no spec.secretRef"},
		{"the Secret of the client certificate", func(t *testing.T, d installDir) {
			writeFile(t, filepath.Join(d.requests, "z.yaml"), credentialsRequest("z", "AWSProviderSpec", operatorNamespace, certificateSecretName, ""))
		}, func(d installDir) []string { return d.flags(portal) }, "two objects have the file name credential-rotation-operator_50_secret_cap-client-certificate.yaml"},
		{"a Secret whose name leads out of the directory", func(t *testing.T, d installDir) {
			writeFile(t, filepath.Join(d.requests, "z.yaml"), credentialsRequest("z", "AWSProviderSpec", "x", "../../../y", ""))
		}, func(d installDir) []string { return d.flags(portal) }, "CredentialsRequest z"},
		{"a namespace that is none", func(t *testing.T, d installDir) {
			writeFile(t, filepath.Join(d.requests, "z.yaml"), credentialsRequest("z", "AWSProviderSpec", "a/b", "y", ""))
		}, func(d installDir) []string { return d.flags(portal) }, "CredentialsRequest z"},
		{"a request that is not YAML", func(t *testing.T, d installDir) { writeFile(t, filepath.Join(d.requests, "z.yaml"), "a: ["+canary) },
			func(d installDir) []string { return d.flags(portal) }, "z.yaml"},
		{"no output directory", nil, func(d installDir) []string { return d.flags(portal, "--output", filepath.Join(d.output, "x")) }, "not a directory"},
		{"http", nil, func(d installDir) []string { return d.flags(portal, "--url", "http://cap.example/api") }, "https"},
		{"an unknown dialect", nil, func(d installDir) []string { return d.flags(portal, "--dialect", "x") }, `--dialect is not one of ["C2S" "SC2S"]`},
		// What the API server would refuse only when the cluster is being made.
		{"a timeout that the API does not take", nil, func(d installDir) []string { return d.flags(portal, "--timeout", "10m") }, "--timeout must be between 1s and 5m"},
		{"a timeout of nothing", nil, func(d installDir) []string { return d.flags(portal, "--timeout", "0") }, "--timeout must be between 1s and 5m"},
		{"a name that no object can have", nil, func(d installDir) []string { return d.flags(portal, "--name", "My_Set") }, "--name"},
		{"a URL with an @", nil, func(d installDir) []string { return d.flags(portal, "--url", portal.URL+"/@x") }, "--url"},
		{"a URL that ends with a fragment of nothing", nil, func(d installDir) []string { return d.flags(portal, "--url", portal.URL+"#") }, "--url"},
		{"an agency without end", nil, func(d installDir) []string { return d.flags(portal, "--agency", strings.Repeat("a", 257)) }, "--agency"},
		{"a role without end", func(t *testing.T, d installDir) { writeFile(t, d.roles, "addon: "+strings.Repeat("a", 513)) }, func(d installDir) []string { return d.flags(portal) }, "the role of CredentialsRequest addon has more than 512 characters"},
		{"a default role without end", nil, func(d installDir) []string { return d.flags(portal, "--default-role", strings.Repeat("a", 513)) }, "--default-role"},
		{"an agency with a line end", nil, func(d installDir) []string { return d.flags(portal, "--agency", "a\nb") }, "--agency does not match"},
		{"a mission with a control character", nil, func(d installDir) []string { return d.flags(portal, "--mission", "a\u009bb") }, "--mission does not match"},
		{"a role with an escape sequence", func(t *testing.T, d installDir) { writeFile(t, d.roles, `addon: "a\e[31mb"`) }, func(d installDir) []string { return d.flags(portal) }, "the role of CredentialsRequest addon does not match"},
		{"a default role with a line end", nil, func(d installDir) []string { return d.flags(portal, "--default-role", "a\nb") }, "--default-role does not match"},
		{"a role that turns the direction of what follows", func(t *testing.T, d installDir) { writeFile(t, d.roles, `addon: "a\u202eb"`) }, func(d installDir) []string { return d.flags(portal) }, "the role of CredentialsRequest addon has invisible characters"},
		{"a role for what is no name", func(t *testing.T, d installDir) { writeFile(t, d.roles, `"$(id)\n": Role`) }, func(d installDir) []string { return d.flags(portal) }, `the name "$(id)\n" does not match`},
		{"a role for a name without end", func(t *testing.T, d installDir) { writeFile(t, d.roles, strings.Repeat("a", 254)+": Role") }, func(d installDir) []string { return d.flags(portal) }, "more than 253"},
		{"more extra parameters than the API takes", nil, func(d installDir) []string {
			flags := d.flags(portal)
			for n := range 17 {
				flags = append(flags, "--extra-parameter", strings.Repeat("x", n+1)+"=y")
			}
			return flags
		}, "--extra-parameter has more than 16"},
		{"an extra parameter without end", nil, func(d installDir) []string {
			return d.flags(portal, "--extra-parameter", "x="+strings.Repeat("y", 1025))
		}, "--extra-parameter"},
		{"a request whose name no object can have", func(t *testing.T, d installDir) {
			writeFile(t, filepath.Join(d.requests, "z.yaml"), credentialsRequest(`"a;\e]b"`, "AWSProviderSpec", "x", "y", ""))
		}, func(d installDir) []string { return d.flags(portal) }, "has an invalid name"},
		{"no flags", nil, func(installDir) []string { return nil }, "required flag"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newInstallDir(t)
			if test.change != nil {
				test.change(t, d)
			}
			before := snapshot(t, d.output)
			if _, err := runInstall(t, test.args(d)...); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
			if diff := cmp.Diff(before, snapshot(t, d.output)); diff != "" {
				t.Errorf("files changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestRoleAnnotation_IsThatOfTheAPI(t *testing.T) {
	if roleAnnotation != v1alpha1.RoleAnnotation {
		t.Errorf("%q, the API has %q", roleAnnotation, v1alpha1.RoleAnnotation)
	}
	if got := NewSeedCommand().Name() + " " + NewInstallManifestsCommand().Name(); got != "seed install-manifests" {
		t.Errorf("commands %q", got)
	}
}
