package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// mergeInto applies a merge patch to a value of a Go type: only what the patch names is decoded, which is most of what a simulation saves beside
// encoding and decoding the whole object. What the value shares with others is not changed but replaced.
func mergeInto(v reflect.Value, patch []byte) error {
	if string(bytes.TrimSpace(patch)) == "null" {
		v.SetZero()
		return nil
	}
	if v.Kind() == reflect.Pointer && !v.Type().Implements(unmarshaler) {
		whole := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			whole.Elem().Set(v.Elem())
		}
		v.Set(whole)
		return mergeInto(whole.Elem(), patch)
	}
	structured := v.Kind() == reflect.Struct || v.Kind() == reflect.Map
	if !structured || reflect.PointerTo(v.Type()).Implements(unmarshaler) {
		v.SetZero() // a list is replaced, not merged
		return json.Unmarshal(patch, v.Addr().Interface())
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(patch, &parts); err != nil {
		return fmt.Errorf("merging into %s: %w", v.Type(), err)
	}
	if v.Kind() == reflect.Map {
		v.Set(copied(v))
	}
	for name, part := range parts {
		if err := mergePart(v, name, part); err != nil {
			return err
		}
	}
	return nil
}

// copied is a map with the same content; there is one even if there was none.
func copied(v reflect.Value) reflect.Value {
	out := reflect.MakeMapWithSize(v.Type(), v.Len())
	for all := v.MapRange(); all.Next(); {
		out.SetMapIndex(all.Key(), all.Value())
	}
	return out
}

// mergePart changes one field of a struct, or one key of a map.
func mergePart(v reflect.Value, name string, part []byte) error {
	if v.Kind() == reflect.Struct {
		if field := fieldOf(v, name); field.IsValid() {
			return mergeInto(field, part)
		}
		return nil // the API server prunes what a kind does not have
	}
	key := reflect.ValueOf(name).Convert(v.Type().Key())
	if string(part) == "null" {
		v.SetMapIndex(key, reflect.Value{})
		return nil
	}
	value := reflect.New(v.Type().Elem()).Elem()
	if was := v.MapIndex(key); was.IsValid() {
		value.Set(was)
	}
	if err := mergeInto(value, part); err != nil {
		return err
	}
	v.SetMapIndex(key, value)
	return nil
}

// fieldOf is the field with a name in JSON, also in an embedded struct.
func fieldOf(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		tag, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if tag == name && name != "" {
			return v.Field(i)
		}
		if tag == "" && (options == "inline" || v.Type().Field(i).Anonymous) && v.Field(i).Kind() == reflect.Struct {
			if inner := fieldOf(v.Field(i), name); inner.IsValid() {
				return inner
			}
		}
	}
	return reflect.Value{}
}
