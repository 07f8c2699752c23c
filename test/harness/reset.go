package harness

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Reset removes what a test leaves behind: our objects, CredentialsRequests, Secrets, ConfigMaps, CronJobs, workloads, Pods, Roles
// with their bindings, events and Leases of every namespace but Kubernetes' own. SeedCluster then restores the objects of a cluster. The operator must not run meanwhile.
func Reset(ctx context.Context, c client.Client) error {
	requests := &unstructured.UnstructuredList{}
	requests.SetAPIVersion("cloudcredential.openshift.io/v1")
	requests.SetKind("CredentialsRequestList")
	for _, list := range []client.ObjectList{
		&v1alpha1.PullSecretRotationList{}, &v1alpha1.CAPCredentialSetList{}, requests,
		&corev1.SecretList{}, &corev1.ConfigMapList{}, &batchv1.CronJobList{}, &coordinationv1.LeaseList{}, &eventsv1.EventList{},
		&appsv1.DeploymentList{}, &appsv1.DaemonSetList{}, &appsv1.StatefulSetList{}, &rbacv1.RoleBindingList{}, &rbacv1.RoleList{},
		&corev1.PodList{},
	} {
		if err := deleteAll(ctx, c, list); err != nil {
			return err
		}
	}
	return nil
}

func deleteAll(ctx context.Context, c client.Client, list client.ObjectList) error {
	if err := c.List(ctx, list); err != nil {
		return fmt.Errorf("listing %T for removal: %w", list, err)
	}
	objects, err := objectsOf(list)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.GetNamespace() == "kube-system" || o.GetNamespace() == "kube-public" || o.GetNamespace() == "kube-node-lease" {
			continue
		}
		if len(o.GetFinalizers()) > 0 {
			o.SetFinalizers(nil)
			if err := client.IgnoreNotFound(c.Update(ctx, o)); err != nil {
				return fmt.Errorf("removing the finalizers of %T %s: %w", o, client.ObjectKeyFromObject(o), err)
			}
		}
		if err := client.IgnoreNotFound(c.Delete(ctx, o)); err != nil {
			return fmt.Errorf("removing %T %s: %w", o, client.ObjectKeyFromObject(o), err)
		}
	}
	return nil
}

// objectsOf are the items of a list.
func objectsOf(list client.ObjectList) ([]client.Object, error) {
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil, err
	}
	objects := make([]client.Object, 0, len(items))
	for _, item := range items {
		o, ok := item.(client.Object)
		if !ok {
			return nil, fmt.Errorf("%T is not an object", item)
		}
		objects = append(objects, o)
	}
	return objects, nil
}
