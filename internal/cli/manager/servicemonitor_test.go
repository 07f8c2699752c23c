package manager

import (
	"encoding/json"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// monitor is a ServiceMonitor whose endpoints expect these names.
func monitor(names ...string) *unstructured.Unstructured {
	var endpoints []any
	for _, name := range names {
		endpoints = append(endpoints, map[string]any{"port": "https", "tlsConfig": map[string]any{"serverName": name, "caFile": "ca"}})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
		"metadata": map[string]any{"namespace": "here", "name": monitorName},
		"spec":     map[string]any{"endpoints": endpoints},
	}}
}

func TestServiceMonitor_ExpectsTheCertificateOfThisNamespace(t *testing.T) {
	for _, tc := range []struct {
		name      string
		has, want string
	}{
		{"a bundle names another namespace", metricsService + ".suggested.svc", metricsService + ".here.svc"},
		{"it is right already", metricsService + ".here.svc", metricsService + ".here.svc"},
		{"somebody serves a certificate of their own", "metrics.example.com", "metrics.example.com"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithObjects(monitor(tc.has, "other")).Build()
			m := &serviceMonitor{client: c, namespace: "here", log: logr.Discard()}
			if err := m.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := monitor()
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(got), got); err != nil {
				t.Fatal(err)
			}
			want := monitor(tc.want, "other")
			if g, w := spec(t, got), spec(t, want); g != w {
				t.Errorf("the ServiceMonitor is %s,\nwant %s", g, w)
			}
		})
	}
}

func TestServiceMonitor_IsNotNeeded(t *testing.T) {
	m := &serviceMonitor{client: fake.NewClientBuilder().Build(), namespace: "here", log: logr.Discard()}
	if err := m.Start(t.Context()); err != nil {
		t.Error(err)
	}
}

func spec(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	raw, err := json.Marshal(u.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
