package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "x"}, "", nil)

// has is a cluster of these objects, which cannot tell about the kinds of broken.
func has(t *testing.T, broken map[string]error, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, configv1.Install, operatorv1.Install, machineconfigurationv1.Install} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, k client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if err := broken[kind(o)]; err != nil {
				return err
			}
			return c.Get(ctx, k, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if err := broken["list"]; err != nil {
				return err
			}
			return c.List(ctx, list, opts...)
		},
	}).Build()
}

// What could not be read is named as people know it, not as Go does.
func TestReadFacts_NamesTheKindThatCannotBeRead(t *testing.T) {
	for broken, says := range map[string]string{
		"ClusterVersion": "reading the ClusterVersion version: no answer", "Infrastructure": "reading the Infrastructure cluster: no answer",
		"MachineConfiguration": "reading the MachineConfiguration cluster: no answer",
	} {
		if _, err := ReadFacts(t.Context(), has(t, map[string]error{broken: errors.New("no answer")})); err == nil || err.Error() != says {
			t.Errorf("got %v, want %s", err, says)
		}
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "APIServer"})
	if got := kind(u); got != "APIServer" {
		t.Errorf("got %s", got)
	}
	if got := kind(&metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "Proxy"}}); got != "Proxy" {
		t.Errorf("got %s", got)
	}
}

func TestReadFacts_TakesWhatTheClusterHas(t *testing.T) {
	version := &configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: "version"}, Spec: configv1.ClusterVersionSpec{ClusterID: "id"}}
	version.Status.Desired.Image = "release@sha256:1"
	infrastructure := func(mode configv1.TopologyMode) client.Object {
		return &configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Status: configv1.InfrastructureStatus{ControlPlaneTopology: mode}}
	}
	actions := func(types ...operatorv1.NodeDisruptionPolicyStatusActionType) (list []operatorv1.NodeDisruptionPolicyStatusAction) {
		for _, one := range types {
			list = append(list, operatorv1.NodeDisruptionPolicyStatusAction{Type: one})
		}
		return list
	}
	policy := &operatorv1.MachineConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}
	policy.Status.NodeDisruptionPolicyStatus.ClusterPolicies.Files = []operatorv1.NodeDisruptionPolicyStatusFile{
		{Path: "/etc/other", Actions: actions(operatorv1.RebootStatusAction)},
		{Path: PullSecretFile, Actions: actions(operatorv1.NoneStatusAction, operatorv1.DrainStatusAction, operatorv1.ReloadStatusAction, operatorv1.RebootStatusAction)},
	}
	for name, row := range map[string]struct {
		cluster client.Reader
		want    Facts
	}{
		"nothing":              {has(t, nil), Facts{}},
		"nor the kinds":        {has(t, map[string]error{"ClusterVersion": &meta.NoKindMatchError{}, "Infrastructure": &meta.NoKindMatchError{}, "MachineConfiguration": &meta.NoKindMatchError{}}), Facts{}},
		"a version":            {has(t, nil, version), Facts{ID: "id", ReleaseImage: "release@sha256:1"}},
		"a hosted cluster":     {has(t, nil, infrastructure(configv1.ExternalTopologyMode)), Facts{Hosted: true}},
		"a cluster of its own": {has(t, nil, infrastructure(configv1.HighlyAvailableTopologyMode)), Facts{}},
		"a policy":             {has(t, nil, policy), Facts{DisruptiveActions: []string{"Drain", "Reboot"}}},
	} {
		got, err := ReadFacts(t.Context(), row.cluster)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(row.want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, row.want)
		}
	}
}

func TestGet_OfWhatCannotBeReadHasFoundNothing(t *testing.T) {
	for _, failure := range []error{forbidden, &meta.NoKindMatchError{}, apierrors.NewNotFound(schema.GroupResource{}, "")} {
		if found, err := get(t.Context(), has(t, map[string]error{"Proxy": failure}), "cluster", &configv1.Proxy{}); found || (err != nil) != apierrors.IsForbidden(failure) {
			t.Errorf("%v: found %t, %v", failure, found, err)
		}
	}
}

func TestReadPools_TakesWhatARollOutNeeds(t *testing.T) {
	pool := &machineconfigurationv1.MachineConfigPool{ObjectMeta: metav1.ObjectMeta{Name: "worker"}}
	pool.Spec.Paused, pool.Spec.Configuration.Name, pool.Spec.NodeSelector = true, "wanted", &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
	pool.Status.Configuration.Name, pool.Status.MachineCount, pool.Status.UpdatedMachineCount, pool.Status.DegradedMachineCount = "current", 5, 3, 1
	pool.Status.Conditions = []machineconfigurationv1.MachineConfigPoolCondition{
		{Type: machineconfigurationv1.MachineConfigPoolUpdating, Status: "False"}, {Type: machineconfigurationv1.MachineConfigPoolDegraded, Status: "True"},
	}
	got, err := ReadPools(t.Context(), has(t, nil, pool))
	if err != nil || len(got) != 1 || got[0].Nodes.MatchLabels["a"] != "b" {
		t.Fatalf("got %+v, %v", got, err)
	}
	got[0].Nodes = nil
	if want := (Pool{Name: "worker", Wanted: "wanted", Current: "current", Machines: 5, Updated: 3, DegradedMachines: 1, Paused: true, Degraded: true}); got[0] != want {
		t.Errorf("got %+v", got[0])
	}
	pool.Status.Conditions[1].Status = "False"
	if poolDegraded(pool) || poolDegraded(&machineconfigurationv1.MachineConfigPool{}) {
		t.Error("a pool that is well, or says nothing, counts as degraded")
	}
	for _, absent := range []error{&meta.NoKindMatchError{}, apierrors.NewNotFound(schema.GroupResource{}, "")} {
		if pools, err := ReadPools(t.Context(), has(t, map[string]error{"list": absent})); err != nil || pools != nil {
			t.Errorf("without the kind: %v, %v", pools, err)
		}
	}
	if _, err := ReadPools(t.Context(), has(t, map[string]error{"list": forbidden})); !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), "reading the MachineConfigPools: ") {
		t.Errorf("without the right: %v", err)
	}
}

func TestSettled_IsAPoolWhoseMachinesAllHaveWhatIsWanted(t *testing.T) {
	for name, row := range map[string]struct {
		pool Pool
		want bool
	}{
		"all":              {Pool{Wanted: "a", Current: "a", Machines: 3, Updated: 3}, true},
		"no machines":      {Pool{Wanted: "a", Current: "a"}, true},
		"a newer one":      {Pool{Wanted: "b", Current: "a", Machines: 3, Updated: 3}, false},
		"one to come":      {Pool{Wanted: "a", Current: "a", Machines: 3, Updated: 2}, false},
		"one that cannot":  {Pool{Wanted: "a", Current: "a", Machines: 3, Updated: 3, Degraded: true}, false},
		"none, and cannot": {Pool{Wanted: "b", Current: "a", Machines: 3, Degraded: true}, false},
	} {
		if got := row.pool.Settled(); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestReadAWS_ToleratesAnotherPlatformAndTellsWhatItMayNotRead(t *testing.T) {
	for name, status := range map[string]*configv1.PlatformStatus{"no platform": nil, "another": {Type: configv1.GCPPlatformType}} {
		infrastructure := &configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Status: configv1.InfrastructureStatus{PlatformStatus: status}}
		if got, err := ReadAWS(t.Context(), has(t, nil, infrastructure)); err != nil || got.Region != "" || got.STSEndpoint != "" || got.CABundle != nil {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if _, err := ReadAWS(t.Context(), has(t, map[string]error{"Infrastructure": forbidden})); err == nil || !strings.HasPrefix(err.Error(), "reading the Infrastructure cluster: ") {
		t.Errorf("got %v", err)
	}
	if _, err := ReadAWS(t.Context(), has(t, map[string]error{"ConfigMap": forbidden})); err == nil || !strings.HasPrefix(err.Error(), "reading ConfigMap openshift-config-managed/kube-cloud-config: ") {
		t.Errorf("got %v", err)
	}
	empty := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config-managed", Name: "trusted-ca-bundle"}}
	if got, err := ReadTrustBundle(t.Context(), has(t, nil, empty)); err != nil || got != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestReadProxy_TellsWhatItMayNotRead(t *testing.T) {
	proxied := &configv1.Proxy{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}, Status: configv1.ProxyStatus{HTTPProxy: "http://p:1"}}
	if got, err := ReadProxy(t.Context(), has(t, map[string]error{"Proxy": forbidden}, proxied)); !apierrors.IsForbidden(err) || got.HTTPProxy != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCredentialsMode_HasAName(t *testing.T) {
	for mode, want := range map[string]string{"": "Default", "Manual": "Manual"} {
		if got := (CredentialsMode{Mode: mode}).String(); got != want {
			t.Errorf("%q is called %q", mode, got)
		}
	}
}
