package pullsecretrotation

import (
	"context"
	"fmt"
	"slices"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// wideAPI is the API server of one reconcile, as far as the reconciler uses it: it reads and writes a state of the world. An unknown kind
// ends the test.
type wideAPI struct {
	client.Client // all other methods
	m             *wideModel
	w             *wide
	effect        func(string)
}

var wideScheme = func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	return scheme
}()

const operatorNamespace = "operator"

// dataFields are the managed fields of a Secret for an owner of its data.
var dataFields = metav1.NewFieldsV1(`{"f:data":{}}`)

func (a *wideAPI) Scheme() *runtime.Scheme { return wideScheme }

func missing(key client.ObjectKey) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "objects"}, key.Name)
}

func (a *wideAPI) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch o := into.(type) {
	case *v1alpha1.PullSecretRotation:
		a.w.object.DeepCopyInto(o)
	case *corev1.Secret:
		return a.secret(key, o)
	case *configv1.ClusterVersion:
		o.Spec.ClusterID = wideCluster
	case *configv1.Infrastructure:
	default:
		return missing(key)
	}
	return nil
}

func (a *wideAPI) secret(key client.ObjectKey, o *corev1.Secret) error {
	if key.Namespace == operatorNamespace {
		if slices.Contains(accountNames[:], key.Name) {
			o.Data = map[string][]byte{"token": []byte(key.Name)}
			return nil
		}
		for _, b := range a.w.backups {
			if b.Name == key.Name {
				b.DeepCopyInto(o)
				return nil
			}
		}
		return missing(key)
	}
	i := targetIndex(key)
	if i < 0 || a.w.targets[i].document == "" {
		return missing(key)
	}
	h := a.w.targets[i]
	writer := "somebody"
	if h.ours {
		writer = managedfields.Operator
	}
	*o = corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(h.document)}}
	o.Namespace, o.Name, o.ResourceVersion = key.Namespace, key.Name, "1"
	o.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: writer, FieldsV1: dataFields}}
	return nil
}

func targetIndex(key client.ObjectKey) int {
	return slices.Index(wideTargets[:], v1alpha1.SecretReference{Namespace: key.Namespace, Name: key.Name})
}

func (a *wideAPI) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	switch list := into.(type) {
	case *machineconfigurationv1.MachineConfigPoolList:
		p := machineconfigurationv1.MachineConfigPool{ObjectMeta: metav1.ObjectMeta{Name: "worker"}}
		p.Spec.Configuration.Name, p.Status.Configuration.Name = a.w.rendering(), a.w.rendered
		p.Status.MachineCount = 1
		if a.w.rendering() == a.w.rendered {
			p.Status.UpdatedMachineCount = 1
		}
		if a.w.stuck {
			p.Status.Conditions = []machineconfigurationv1.MachineConfigPoolCondition{{Type: machineconfigurationv1.MachineConfigPoolDegraded, Status: corev1.ConditionTrue}}
		}
		list.Items = []machineconfigurationv1.MachineConfigPool{p}
	case *machineconfigurationv1.MachineConfigNodeList:
		list.Items = []machineconfigurationv1.MachineConfigNode{a.machine()}
	case *corev1.SecretList:
		for _, b := range a.w.backups {
			list.Items = append(list.Items, *b.DeepCopy())
		}
	case *v1alpha1.PullSecretRotationList:
		list.Items = []v1alpha1.PullSecretRotation{*a.w.object.DeepCopy()}
	default:
		panic(fmt.Sprintf("the wide world has no list of %T", into))
	}
	return nil
}

// machine is what the only machine says of itself: nothing worth waiting for, and that it is degraded when its pool is.
func (a *wideAPI) machine() machineconfigurationv1.MachineConfigNode {
	n := machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: "worker-0"}}
	n.Spec.Pool.Name, n.Status.ConfigVersion = "worker", &machineconfigurationv1.MachineConfigNodeStatusMachineConfigVersion{Current: a.w.rendered}
	n.Status.Conditions = []metav1.Condition{{Type: string(machineconfigurationv1.MachineConfigNodeUpdated), Status: metav1.ConditionTrue}}
	if a.w.stuck {
		n.Status.Conditions = []metav1.Condition{{Type: string(machineconfigurationv1.MachineConfigNodeNodeDegraded), Status: metav1.ConditionTrue, Reason: "NodeDegraded"}}
	}
	return n
}

// rendering is the configuration that the pool should have: the machine-config-operator renders at once.
func (w *wide) rendering() string {
	if d := w.targets[0].document; d != unreadable {
		return d
	}
	return w.rendered
}

func (a *wideAPI) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	b := o.(*corev1.Secret).DeepCopy()
	a.w.backups = append(slices.Clone(a.w.backups), b)
	a.effect("backup")
	return nil
}

func (a *wideAPI) Update(_ context.Context, o client.Object, _ ...client.UpdateOption) error {
	b := o.(*corev1.Secret).DeepCopy()
	a.w.backups = slices.Clone(a.w.backups)
	for i := range a.w.backups {
		if a.w.backups[i].Name == b.Name {
			a.w.backups[i] = b
		}
	}
	a.effect("backup")
	return nil
}

func (a *wideAPI) Delete(_ context.Context, o client.Object, _ ...client.DeleteOption) error {
	a.w.backups = slices.DeleteFunc(slices.Clone(a.w.backups), func(b *corev1.Secret) bool { return b.Name == o.GetName() })
	a.effect("backup deleted")
	return nil
}

// Patch is a write of a target.
func (a *wideAPI) Patch(_ context.Context, o client.Object, _ client.Patch, _ ...client.PatchOption) error {
	secret := o.(*corev1.Secret)
	i := targetIndex(client.ObjectKeyFromObject(secret))
	h := &a.w.targets[i]
	if h.unwritable {
		return apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, secret.Name, nil)
	}
	document := string(secret.Data[corev1.DockerConfigJsonKey])
	a.w.checkWidely(a.m, i, document)
	h.document, h.good, h.ours = document, document, true
	secret.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: managedfields.Operator, FieldsV1: dataFields}}
	a.effect("write of " + wideTargets[i].String())
	return nil
}

func (a *wideAPI) Status() client.SubResourceWriter { return wideStatus{api: a} }

// wideStatus writes the status.
type wideStatus struct {
	client.SubResourceWriter
	api *wideAPI
}

func (s wideStatus) Patch(_ context.Context, o client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	stored := s.api.w.object.DeepCopy()
	o.(*v1alpha1.PullSecretRotation).Status.DeepCopyInto(&stored.Status)
	s.api.w.object = stored
	s.api.effect("status")
	return nil
}

// wideUID is the object's.
const wideUID = types.UID("uid")
