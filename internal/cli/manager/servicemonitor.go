package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// metricsService is the Service of the metrics endpoint, whose name is in the certificate.
	metricsService = "credential-rotation-operator-metrics"
	// monitorName is the operator's ServiceMonitor.
	monitorName = "credential-rotation-operator"
	// monitorRetry is between two tries after an error. Nothing but the alerts depends on it.
	monitorRetry = time.Minute
)

// serviceMonitor sees to it that Prometheus expects the certificate of this namespace. A bundle names one namespace and is
// installed into any, and OLM fills in nothing: Prometheus would refuse the endpoint for its name. Only the leader does it, once.
type serviceMonitor struct {
	client    client.Client
	namespace string
	log       logr.Logger
}

// Start corrects the name. It never fails: what it cannot do is logged and tried again.
func (m *serviceMonitor) Start(ctx context.Context) error {
	for {
		err := m.correct(ctx)
		switch {
		case err == nil, meta.IsNoMatchError(err), apierrors.IsNotFound(err):
			return nil // Without such a kind or object nobody scrapes by it.
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the process ends
		}
		m.log.Info("The ServiceMonitor could not be adapted to this namespace; the operator will retry. Until then Prometheus may refuse the certificate of the metrics endpoint",
			"because", apierrors.ReasonForError(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(monitorRetry):
		}
	}
}

// correct replaces a server name of another namespace. One that is not of that form is somebody's choice.
func (m *serviceMonitor) correct(ctx context.Context) error {
	monitor := &unstructured.Unstructured{}
	monitor.SetGroupVersionKind(schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"})
	if err := m.client.Get(ctx, client.ObjectKey{Namespace: m.namespace, Name: monitorName}, monitor); err != nil {
		return err
	}
	operations := serverNamePatch(monitor, metricsService+"."+m.namespace+".svc")
	if len(operations) == 0 {
		return nil
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return err
	}
	if err := m.client.Patch(ctx, monitor, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return err
	}
	m.log.Info("The ServiceMonitor expects the certificate of this namespace now")
	return nil
}

// patchOperation is one of a JSON patch.
type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// serverNamePatch replaces the names of the metrics Service in another namespace. Each is tested first, so that an edit in between
// is not overwritten.
func serverNamePatch(monitor *unstructured.Unstructured, want string) []patchOperation {
	var operations []patchOperation
	endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
	for i, endpoint := range endpoints {
		fields, ok := endpoint.(map[string]any)
		if !ok {
			continue
		}
		name, _, _ := unstructured.NestedString(fields, "tlsConfig", "serverName")
		if name == want || !strings.HasPrefix(name, metricsService+".") {
			continue
		}
		path := fmt.Sprintf("/spec/endpoints/%d/tlsConfig/serverName", i)
		operations = append(operations, patchOperation{"test", path, name}, patchOperation{"replace", path, want})
	}
	return operations
}
