package cluster

import (
	"errors"
	"slices"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
)

func credentialsRequest(name string, change func(map[string]any)) *unstructured.Unstructured {
	o := map[string]any{
		"apiVersion": "cloudcredential.openshift.io/v1", "kind": "CredentialsRequest",
		"metadata": map[string]any{"namespace": "cco", "name": name, "labels": map[string]any{"l": "v"}},
		"spec": map[string]any{
			"secretRef":    map[string]any{"namespace": "ns", "name": "s"},
			"providerSpec": map[string]any{"kind": "AWSProviderSpec"},
		},
	}
	if change != nil {
		change(o)
	}
	return &unstructured.Unstructured{Object: o}
}

func TestParseCredentialsRequest_TakesThoseOfAWSAlone(t *testing.T) {
	set := func(value any, path ...string) func(map[string]any) {
		return func(o map[string]any) {
			if err := unstructured.SetNestedField(o, value, path...); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		change       func(map[string]any)
		taken, timed bool
	}{
		"of AWS":                       {nil, true, false},
		"of AWS with an STS token":     {set("arn:aws-iso:iam::1:role/r", "spec", "providerSpec", "stsIAMRoleARN"), true, true},
		"of another cloud":             {set("GCPProviderSpec", "spec", "providerSpec", "kind"), false, false},
		"without a Secret":             {set("", "spec", "secretRef", "name"), false, false},
		"without a Secret's namespace": {set("", "spec", "secretRef", "namespace"), false, false},
		"without a providerSpec":       {func(o map[string]any) { delete(o["spec"].(map[string]any), "providerSpec") }, false, false},
		"with a spec of another shape": {func(o map[string]any) { o["spec"] = "text" }, false, false},
		"being deleted":                {set("2026-11-20T00:00:00Z", "metadata", "deletionTimestamp"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, taken := ParseCredentialsRequest(credentialsRequest("r", test.change))
			if taken != test.taken || r.TimedToken != test.timed {
				t.Errorf("taken %v, timed token %v", taken, r.TimedToken)
			}
			if taken && (r.String() != "cco/r" || r.Secret.String() != "ns/s" || r.Labels["l"] != "v") {
				t.Errorf("it reads as %+v", r)
			}
		})
	}
}

func TestManual_IsOnlyWhatTheCloudCredentialOperatorTakesForIt(t *testing.T) {
	for name, test := range map[string]struct {
		mode CredentialsMode
		want bool
	}{
		"not read yet":              {CredentialsMode{}, false},
		"no such operator":          {CredentialsMode{Known: true}, true},
		"Manual":                    {CredentialsMode{Known: true, Installed: true, Mode: "Manual"}, true},
		"its default":               {CredentialsMode{Known: true, Installed: true}, false},
		"Mint":                      {CredentialsMode{Known: true, Installed: true, Mode: "Mint"}, false},
		"its default, switched off": {CredentialsMode{Known: true, Installed: true, LegacyDisabled: true}, true},
		"Passthrough, switched off, which is a contradiction": {CredentialsMode{Known: true, Installed: true, Mode: "Passthrough", LegacyDisabled: true}, false},
	} {
		if got := test.mode.Manual(); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// newWatch is a watch that has not been started, so that a test can be its API server.
func newWatch(t *testing.T) (*CredentialsWatch, *int) {
	t.Helper()
	w, err := NewCredentialsWatch(&rest.Config{Host: "https://localhost:1"}, objectwatch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	changes := new(int)
	w.OnChange(func(string) { *changes++ })
	return w, changes
}

func TestAClusterWithoutTheKinds_HasNoRequestsUntilTheyAppear(t *testing.T) {
	w, changes := newWatch(t)
	if _, known, err := w.Requests(); known || err != nil {
		t.Errorf("before anything was read: known %v, %v", known, err)
	}
	if m, err := w.Mode(); m.Known || err != nil {
		t.Errorf("before anything was read the mode is %+v, %v", m, err)
	}
	noKind := apierrors.NewNotFound(schema.GroupResource{}, "")
	for _, o := range []*objects{w.requests, w.modes, w.legacy} {
		o.Failed(noKind)
		o.Failed(noKind)
	}
	if r, known, err := w.Requests(); !known || err != nil || len(r) != 0 {
		t.Errorf("without the kind: %v, known %v, %v", r, known, err)
	}
	if m, err := w.Mode(); err != nil || !m.Manual() {
		t.Errorf("without a cloud-credential-operator the mode is %+v, %v", m, err)
	}
	if *changes != 3 {
		t.Errorf("%d changes were told of, want one per kind", *changes)
	}
	w.requests.Replace([]runtime.Object{credentialsRequest("b", nil), credentialsRequest("a", nil)})
	if r, _, _ := w.Requests(); len(r) != 2 || r[0].Name != "a" {
		t.Errorf("after the kind appeared: %v", r)
	}
}

func TestAMissingRight_IsToldAndAnyOtherTroubleLeavesWhatIsKnown(t *testing.T) {
	w, _ := newWatch(t)
	w.requests.Replace([]runtime.Object{credentialsRequest("a", nil)})
	w.requests.Failed(errors.New("connection refused"))
	if r, known, err := w.Requests(); len(r) != 1 || !known || err != nil {
		t.Errorf("while the API server is away: %v, known %v, %v", r, known, err)
	}
	w.requests.Failed(apierrors.NewForbidden(schema.GroupResource{}, "", nil))
	if _, _, err := w.Requests(); !apierrors.IsForbidden(err) {
		t.Errorf("without the right: %v", err)
	}
	w.modes.Failed(apierrors.NewForbidden(schema.GroupResource{}, "", nil))
	if m, err := w.Mode(); err == nil || m.Manual() {
		t.Errorf("a mode that may not be read counts as %+v, %v", m, err)
	}
}

func TestChangesThatDoNotMatter_AreNotToldOf(t *testing.T) {
	w, changes := newWatch(t)
	r := credentialsRequest("a", nil)
	w.requests.Put(r)
	before := *changes
	status := r.DeepCopy()
	status.Object["status"] = map[string]any{"provisioned": true}
	w.requests.Put(status)
	w.requests.Put(credentialsRequest("gcp", func(o map[string]any) {
		o["spec"].(map[string]any)["providerSpec"] = map[string]any{"kind": "GCPProviderSpec"}
	}))
	if *changes != before {
		t.Errorf("%d changes were told of that do not matter", *changes-before)
	}
	gone := r.DeepCopy()
	gone.Object["spec"].(map[string]any)["providerSpec"] = map[string]any{"kind": "GCPProviderSpec"}
	w.requests.Put(gone)
	if all, _, _ := w.Requests(); len(all) != 0 || *changes != before+1 {
		t.Errorf("a request that is AWS's no longer: %v, %d changes", all, *changes-before)
	}
}

func TestNamespacesAndCronJobs(t *testing.T) {
	w, _ := newWatch(t)
	if _, known := w.HasNamespace("a"); known {
		t.Error("namespaces are known before they were read")
	}
	now := metav1.Now()
	w.namespaces.Replace([]runtime.Object{
		&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a"}},
		&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "leaving", DeletionTimestamp: &now}},
	})
	for name, want := range map[string]bool{"a": true, "b": false, "leaving": false} {
		if got, known := w.HasNamespace(name); got != want || !known {
			t.Errorf("namespace %s exists: %v, known %v", name, got, known)
		}
	}
	var told []string
	w.OnChange(func(namespace string) { told = append(told, namespace) })
	w.namespaces.Put(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "new"}})
	w.namespaces.Delete(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	w.requests.Failed(apierrors.NewForbidden(schema.GroupResource{}, "", nil))
	if !slices.Equal(told, []string{"new", "a", ""}) {
		t.Errorf("told of the namespaces %q", told)
	}
	cronJob := func(namespace string, suspended bool) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"namespace": namespace, "name": "cap-token-refresh"},
			"spec":     map[string]any{"schedule": "*/30 * * * *", "suspend": suspended},
		}}
	}
	w.cronJobs.Replace([]runtime.Object{cronJob("a", false), cronJob("b", true)})
	if jobs := w.CronJobs(); len(jobs) != 1 || jobs[0].Namespace != "a" || jobs[0].Schedule != "*/30 * * * *" {
		t.Errorf("running CronJobs: %v", jobs)
	}
}

func TestTheModeIsReadFromBothPlaces(t *testing.T) {
	w, _ := newWatch(t)
	w.modes.Replace([]runtime.Object{&unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "cluster"}, "spec": map[string]any{"credentialsMode": "Mint"},
	}}})
	if m, _ := w.Mode(); m.Known {
		t.Error("the mode is known before the legacy ConfigMap has been looked for")
	}
	w.legacy.Replace([]runtime.Object{&unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "n", "name": "c"}, "data": map[string]any{"disabled": "true"},
	}}})
	if m, err := w.Mode(); err != nil || m != (CredentialsMode{Known: true, Installed: true, Mode: "Mint", LegacyDisabled: true}) {
		t.Errorf("the mode is %+v, %v", m, err)
	}
}

func TestReadAWS_TakesWhatTheClusterHas(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, configv1.Install} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	reader := func(objects ...client.Object) client.Reader {
		return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	}
	if a, err := ReadAWS(t.Context(), reader()); err != nil || a.Region != "" || a.CABundle != nil {
		t.Errorf("a cluster that says nothing: %+v, %v", a, err)
	}
	if b, err := ReadTrustBundle(t.Context(), reader()); err != nil || b != nil {
		t.Errorf("a cluster without a bundle: %q, %v", b, err)
	}
	full := reader(
		&configv1.Infrastructure{
			ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
			Status: configv1.InfrastructureStatus{PlatformStatus: &configv1.PlatformStatus{AWS: &configv1.AWSPlatformStatus{
				Region: "us-iso-east-1", ServiceEndpoints: []configv1.AWSServiceEndpoint{{Name: "ec2", URL: "https://ec2"}, {Name: "sts", URL: "https://sts"}},
			}}},
		},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config-managed", Name: "kube-cloud-config"}, Data: map[string]string{"ca-bundle.pem": "AWS"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config-managed", Name: "trusted-ca-bundle"}, Data: map[string]string{"ca-bundle.crt": "ALL"}},
	)
	a, err := ReadAWS(t.Context(), full)
	if err != nil || a.Region != "us-iso-east-1" || a.STSEndpoint != "https://sts" || string(a.CABundle) != "AWS" {
		t.Errorf("it reads as %+v, %v", a, err)
	}
	if b, err := ReadTrustBundle(t.Context(), full); err != nil || string(b) != "ALL" {
		t.Errorf("the bundle is %q, %v", b, err)
	}
}
