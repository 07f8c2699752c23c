package apiserver

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Secrets is client-go's client of Secrets, as far as the operator uses it.
func Secrets(api client.WithWatch) corev1client.SecretsGetter { return secrets{api} }

type secrets struct{ api client.WithWatch }

// Secrets implements corev1client.SecretsGetter.
func (s secrets) Secrets(namespace string) corev1client.SecretInterface {
	return secretsOf{api: s.api, namespace: namespace}
}

// IsWatchListSemanticsUnSupported tells a Reflector that there are no streamed lists.
func (secrets) IsWatchListSemanticsUnSupported() bool { return true }

// secretsOf are those of a namespace. What the operator does not use is a nil pointer.
type secretsOf struct {
	corev1client.SecretInterface
	api       client.WithWatch
	namespace string
}

func (s secretsOf) named(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
}

// Get implements corev1client.SecretInterface.
func (s secretsOf) Get(ctx context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	o := s.named(name)
	return o, s.api.Get(ctx, client.ObjectKeyFromObject(o), o)
}

// Create implements corev1client.SecretInterface.
func (s secretsOf) Create(ctx context.Context, o *corev1.Secret, opts metav1.CreateOptions) (*corev1.Secret, error) {
	o = o.DeepCopy()
	o.Namespace = s.namespace
	return o, s.api.Create(ctx, o, client.FieldOwner(opts.FieldManager))
}

// Update implements corev1client.SecretInterface.
func (s secretsOf) Update(ctx context.Context, o *corev1.Secret, opts metav1.UpdateOptions) (*corev1.Secret, error) {
	o = o.DeepCopy()
	return o, s.api.Update(ctx, o, client.FieldOwner(opts.FieldManager))
}

// Patch implements corev1client.SecretInterface.
func (s secretsOf) Patch(ctx context.Context, name string, kind types.PatchType, body []byte, opts metav1.PatchOptions, _ ...string) (*corev1.Secret, error) {
	o := s.named(name)
	patch := []client.PatchOption{client.FieldOwner(opts.FieldManager)}
	if ptr.Deref(opts.Force, false) {
		patch = append(patch, client.ForceOwnership)
	}
	return o, s.api.Patch(ctx, o, client.RawPatch(kind, body), patch...)
}

// List implements corev1client.SecretInterface.
func (s secretsOf) List(ctx context.Context, opts metav1.ListOptions) (*corev1.SecretList, error) {
	list := &corev1.SecretList{}
	options, err := listOptions(s.namespace, opts)
	if err != nil {
		return nil, err
	}
	return list, s.api.List(ctx, list, options)
}

// Watch implements corev1client.SecretInterface.
func (s secretsOf) Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	options, err := listOptions(s.namespace, opts)
	if err != nil {
		return nil, err
	}
	return s.api.Watch(ctx, &corev1.SecretList{}, options)
}

func listOptions(namespace string, opts metav1.ListOptions) (*client.ListOptions, error) {
	selector, err := fields.ParseSelector(opts.FieldSelector)
	if err != nil {
		return nil, fmt.Errorf("the field selector: %w", err)
	}
	return &client.ListOptions{Namespace: namespace, FieldSelector: selector, Raw: &opts}, nil
}
