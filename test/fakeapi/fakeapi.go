// Package fakeapi makes fake clients of controller-runtime for tests that do not ask who owns a field: without the bookkeeping of fields, which looks
// through all known kinds at each write, a client is built and written through many times as fast.
package fakeapi

import (
	"sync"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Scheme has the kinds of Kubernetes, of OpenShift and of the operator that the controllers use. Nobody may add to it.
var Scheme = sync.OnceValue(func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, v1alpha1.AddToScheme, configv1.Install, operatorv1.Install, machineconfigurationv1.Install,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
})

var decoder = sync.OnceValue(func() runtime.Decoder { return serializer.NewCodecFactory(Scheme()).UniversalDecoder() })

// NewClientBuilder builds a client of Scheme, in which PullSecretRotations have a status of their own. It knows no server-side apply.
func NewClientBuilder() *fake.ClientBuilder {
	return fake.NewClientBuilder().WithScheme(Scheme()).WithStatusSubresource(&v1alpha1.PullSecretRotation{}).
		WithObjectTracker(testing.NewObjectTracker(Scheme(), decoder()))
}
