// Package manifests tests config/ on a real API server: the manifests apply, the samples are valid, each wrong spec is refused
// with its message, and the operator has exactly the rights that it needs.
package manifests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/config"
	"github.com/openshift/credential-rotation-operator/hack/assets"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

const (
	namespace      = "openshift-credential-rotation-operator"
	serviceAccount = "system:serviceaccount:" + namespace + ":credential-rotation-operator"
)

// server is the API server of all tests, with config/install.yaml applied.
var server struct {
	config *rest.Config
	admin  client.Client
}

func TestMain(m *testing.M) {
	code, err := runOnServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runOnServer(m *testing.M) (code int, err error) {
	ctx := context.Background()
	finder, err := assets.New(os.Stderr)
	if err != nil {
		return 0, err
	}
	dir, err := finder.Find(ctx)
	if err != nil {
		return 0, err
	}
	if err := os.Setenv("KUBEBUILDER_ASSETS", dir); err != nil {
		return 0, err
	}
	cp, err := harness.StartEmptyControlPlane()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cp.Stop()) }()
	server.config = cp.Admin
	if server.admin, err = client.New(server.config, client.Options{}); err != nil {
		return 0, err
	}
	objects, err := decode(config.Install())
	if err != nil {
		return 0, err
	}
	for _, object := range objects {
		if err := apply(ctx, server.admin, object); err != nil {
			return 0, fmt.Errorf("install.yaml does not apply: %w", err)
		}
	}
	return m.Run(), nil
}

// decode reads a YAML stream.
func decode(raw []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}

// apply does what `oc apply --server-side` does. A kind that the stream itself has just created may need a moment.
func apply(ctx context.Context, c client.Client, object *unstructured.Unstructured) error {
	object = object.DeepCopy()
	var err error
	for range 600 {
		err = c.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test"))
		if !meta.IsNoMatchError(err) {
			break
		}
		waitABit()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// asOperator is a client with exactly the rights of the shipped service account.
func asOperator(t *testing.T) client.Client {
	t.Helper()
	own := rest.CopyConfig(server.config)
	own.Impersonate = rest.ImpersonationConfig{
		UserName: serviceAccount,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	c, err := client.New(own, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newNamespace(t *testing.T, name string) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := client.IgnoreAlreadyExists(server.admin.Create(t.Context(), ns)); err != nil {
		t.Fatal(err)
	}
}
