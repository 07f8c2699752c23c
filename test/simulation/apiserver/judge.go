package apiserver

import (
	"encoding/json"
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// complete gives a Secret its default type and merges its stringData.
func complete(o client.Object) {
	now, ok := o.(*corev1.Secret)
	if !ok {
		return
	}
	if now.Type == "" {
		now.Type = corev1.SecretTypeOpaque
	}
	if len(now.StringData) > 0 {
		now.Data = maps.Clone(now.Data)
		if now.Data == nil {
			now.Data = map[string][]byte{}
		}
	}
	for k, v := range now.StringData {
		now.Data[k] = []byte(v)
	}
	now.StringData = nil
}

// checkSecret refuses what kube-apiserver's validation of Secrets does.
func checkSecret(before, after client.Object) error {
	now, ok := after.(*corev1.Secret)
	if !ok {
		return nil
	}
	was, _ := before.(*corev1.Secret)
	if errs := judgeSecret(was, now); len(errs) > 0 {
		return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Secret").GroupKind(), now.Name, errs)
	}
	return nil
}

// judgeSecret refuses a change of the type, of what is immutable, and a pull secret that is not JSON.
func judgeSecret(was, now *corev1.Secret) field.ErrorList {
	var errs field.ErrorList
	if was != nil && was.Type != now.Type {
		errs = append(errs, field.Invalid(field.NewPath("type"), now.Type, "field is immutable"))
	}
	if was != nil && ptr.Deref(was.Immutable, false) {
		if !ptr.Deref(now.Immutable, false) {
			errs = append(errs, field.Forbidden(field.NewPath("immutable"), "field is immutable when `immutable` is set"))
		}
		if !equality.Semantic.DeepEqual(was.Data, now.Data) {
			errs = append(errs, field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
		}
	}
	if now.Type != corev1.SecretTypeDockerConfigJson {
		return errs
	}
	path := field.NewPath("data").Key(corev1.DockerConfigJsonKey)
	document, ok := now.Data[corev1.DockerConfigJsonKey]
	var parsed map[string]any
	switch {
	case !ok:
		errs = append(errs, field.Required(path, ""))
	case json.Unmarshal(document, &parsed) != nil:
		errs = append(errs, field.Invalid(path, "<secret contents redacted>", "not JSON"))
	}
	return errs
}

// sameSpec is true if two objects differ at most in metadata and status.
func sameSpec(a, b client.Object) bool {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	if x.Kind() != reflect.Struct || !x.FieldByName("Spec").IsValid() {
		return true
	}
	return equality.Semantic.DeepEqual(x.FieldByName("Spec").Interface(), y.FieldByName("Spec").Interface())
}

// withStatusOf gives an object the status of another one, which they share from now on.
func withStatusOf(o, other client.Object) {
	to, from := reflect.ValueOf(o).Elem().FieldByName("Status"), reflect.ValueOf(other).Elem().FieldByName("Status")
	if to.IsValid() {
		to.Set(from)
	}
}
