package apiserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// said is what a patch demands of the object that it is meant for.
type said struct {
	UID, ResourceVersion *string
}

// merged is what a merge patch makes of an object.
func merged(stored client.Object, body []byte) (client.Object, said, error) {
	var patch struct {
		Metadata said `json:"metadata"`
	}
	if err := json.Unmarshal(body, &patch); err != nil {
		return nil, said{}, apierrors.NewBadRequest(err.Error())
	}
	raw, err := json.Marshal(stored)
	if err != nil {
		return nil, said{}, err
	}
	if raw, err = jsonpatch.MergePatch(raw, body); err != nil {
		return nil, said{}, apierrors.NewBadRequest(err.Error())
	}
	after := reflect.New(reflect.TypeOf(stored).Elem()).Interface().(client.Object)
	if err := json.Unmarshal(raw, after); err != nil {
		return nil, said{}, apierrors.NewBadRequest(err.Error())
	}
	return after, patch.Metadata, nil
}

// judgeSecret refuses a change of the type, of what is immutable, and a pull secret that is not JSON.
func judgeSecret(before client.Object, now *corev1.Secret) error {
	var errs field.ErrorList
	if was, ok := before.(*corev1.Secret); ok {
		if was.Type != now.Type {
			errs = append(errs, field.Invalid(field.NewPath("type"), now.Type, "field is immutable"))
		}
		if ptr.Deref(was.Immutable, false) && (!ptr.Deref(now.Immutable, false) || !equality.Semantic.DeepEqual(was.Data, now.Data)) {
			errs = append(errs, field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set"))
		}
	}
	if now.Type == corev1.SecretTypeDockerConfigJson {
		document, ok := now.Data[corev1.DockerConfigJsonKey]
		if now.StringData[corev1.DockerConfigJsonKey] != "" {
			document, ok = []byte(now.StringData[corev1.DockerConfigJsonKey]), true
		}
		var parsed map[string]any
		switch {
		case !ok:
			errs = append(errs, field.Required(field.NewPath("data").Key(corev1.DockerConfigJsonKey), ""))
		case json.Unmarshal(document, &parsed) != nil:
			errs = append(errs, field.Invalid(field.NewPath("data").Key(corev1.DockerConfigJsonKey), "<secret contents redacted>", "not JSON"))
		}
	}
	for k, v := range now.StringData {
		now.Data = maps.Clone(now.Data)
		if now.Data == nil {
			now.Data = map[string][]byte{}
		}
		now.Data[k] = []byte(v)
	}
	now.StringData = nil
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(corev1.SchemeGroupVersion.WithKind("Secret").GroupKind(), now.Name, errs)
}

// count sets the generation of an object that replaces a stored one.
func (s *Server) count(stored, o client.Object) error {
	gvk, err := gvkOf(o, s.opts.Scheme)
	if err != nil || !s.statuses[gvk] {
		return err
	}
	before, err := specOf(stored)
	if err != nil {
		return err
	}
	after, err := specOf(o)
	if err != nil {
		return err
	}
	o.SetGeneration(stored.GetGeneration())
	if before != after {
		o.SetGeneration(stored.GetGeneration() + 1)
	}
	return nil
}

// specOf is the spec as JSON; empty for a kind without one.
func specOf(o client.Object) (string, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	var parts struct {
		Spec json.RawMessage `json:"spec"`
	}
	err = json.Unmarshal(raw, &parts)
	return string(parts.Spec), err
}

// withStatusOf gives an object the status of another one; of nil, none.
func withStatusOf(o, other client.Object) error {
	status := reflect.ValueOf(o).Elem().FieldByName("Status")
	if !status.IsValid() {
		return fmt.Errorf("%T has no status", o)
	}
	if other == nil {
		status.SetZero()
		return nil
	}
	status.Set(reflect.ValueOf(other).Elem().FieldByName("Status"))
	return nil
}
