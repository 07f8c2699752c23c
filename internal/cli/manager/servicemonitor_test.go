package manager

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
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
			var log strings.Builder
			m := &serviceMonitor{client: c, namespace: "here", log: logTo(&log)}
			if err := m.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if changed := tc.want != tc.has; (log.Len() > 0) != changed {
				t.Errorf("changed: %t, but the log has %q", changed, log.String())
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

func TestServiceMonitor_IsTriedAgainUntilTheAPIServerTakesIt(t *testing.T) {
	for name, ends := range map[string]bool{"the API server recovers": false, "the process ends": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tries := 0
				fails := interceptor.Funcs{Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
					if tries++; tries > 2 {
						return c.Patch(ctx, o, p, opts...)
					}
					if ends {
						cancel()
					}
					return apierrors.NewServiceUnavailable("restarting")
				}}
				c := fake.NewClientBuilder().WithObjects(monitor(metricsService + ".suggested.svc")).WithInterceptorFuncs(fails).Build()
				var log strings.Builder
				m := &serviceMonitor{client: c, namespace: "here", log: logTo(&log)}
				start := time.Now()
				if err := m.Start(ctx); err != nil {
					t.Errorf("it failed, which ends the process: %v", err)
				}
				wantTries, wantWait, wantFailures := 3, 2*monitorRetry, 2
				if ends {
					wantTries, wantWait, wantFailures = 1, 0, 0
				}
				if took := time.Since(start); tries != wantTries || took != wantWait {
					t.Errorf("%d tries in %s, want %d in %s", tries, took, wantTries, wantWait)
				}
				if n := strings.Count(log.String(), "ServiceUnavailable"); n != wantFailures {
					t.Errorf("the log names the failure %d times, want %d: %s", n, wantFailures, log.String())
				}
			})
		})
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
