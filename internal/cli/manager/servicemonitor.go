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
	// metricsService is the Service of the metrics endpoint; its name is in the certificate.
	metricsService = "credential-rotation-operator-metrics"
	// monitorName is the operator's ServiceMonitor.
	monitorName = "credential-rotation-operator"
	// monitorRetry is the wait after an error. Only the alerts depend on it.
	monitorRetry = time.Minute
)

// serviceMonitor makes Prometheus expect the certificate of this namespace. A bundle names one namespace but can be installed into any, and OLM
// does not adapt it: Prometheus would refuse the endpoint because of its name. The leader does this once.
type serviceMonitor struct {
	client    client.Client
	namespace string
	log       logr.Logger
}

// Start corrects the name. It never fails: it logs errors and retries.
func (m *serviceMonitor) Start(ctx context.Context) error {
	for {
		err := m.correct(ctx)
		switch {
		case err == nil, meta.IsNoMatchError(err), apierrors.IsNotFound(err):
			return nil // Without the kind or the object nothing uses the name.
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the process is ending
		}
		m.log.Info("The ServiceMonitor could not be adapted to this namespace. Prometheus may refuse the certificate of the metrics endpoint. The operator will retry",
			"because", apierrors.ReasonForError(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(monitorRetry):
		}
	}
}

// correct replaces a server name of another namespace. It keeps a name of any other form, which somebody chose.
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
	m.log.Info("The ServiceMonitor now expects the certificate of this namespace")
	return nil
}

// patchOperation is one operation of a JSON patch.
type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// serverNamePatch replaces the names of the metrics Service in another namespace. The patch tests each first, so that an edit in between is not
// overwritten.
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
