package capcredentialset

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func ref(namespace, name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

var (
	machines = ref("openshift-machine-api", "aws-cloud-credentials")
	registry = ref("openshift-image-registry", "installer-cloud-credentials")
	ingress  = ref("openshift-ingress-operator", "cloud-credentials")
	storage  = ref("openshift-cluster-csi-drivers", "ebs-cloud-credentials")
)

func namedSet(name string, age time.Duration) *v1alpha1.CAPCredentialSet {
	return &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{
		Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(noon.Add(-age)),
	}}
}
