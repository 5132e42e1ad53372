{{/*
A security context without our own switch. OpenShift assigns users and groups from a range of the namespace and refuses
fixed ones.
*/}}
{{- define "signet.securityContext" -}}
{{- $openshift := or (eq .context.Values.openshift "enabled") (and (eq .context.Values.openshift "auto") (.context.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
{{- if $openshift -}}
{{- toYaml (omit .value "enabled" "runAsUser" "runAsGroup" "fsGroup") -}}
{{- else -}}
{{- toYaml (omit .value "enabled") -}}
{{- end -}}
{{- end -}}

{{/*
One probe: the custom one, or the standard one with its check. context, name, check (a map).
*/}}
{{- define "signet.probe" -}}
{{- $values := .context.Values -}}
{{- $standard := index $values (printf "%sProbe" .name) -}}
{{- $custom := index $values (printf "custom%sProbe" (title .name)) -}}
{{- if $custom }}
{{ .name }}Probe:
  {{- include "signet.render" (dict "value" $custom "context" .context) | nindent 2 }}
{{- else if $standard.enabled }}
{{ .name }}Probe:
  {{- include "signet.render" (dict "value" (merge .check (omit $standard "enabled")) "context" .context) | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
One port of the container. context, name.
*/}}
{{- define "signet.port" -}}
{{- $port := index .context.Values.containerPorts .name -}}
{{- $host := ternary $port (index .context.Values.hostPorts .name) .context.Values.hostNetwork -}}
- name: {{ .name }}
  containerPort: {{ include "signet.scalar" $port }}
  protocol: TCP
  {{- if $host }}
  hostPort: {{ include "signet.scalar" $host }}
  {{- end }}
{{- end -}}

{{- define "signet.image" -}}
{{- $image := .Values.image -}}
{{- $name := ternary $image.repository (printf "%s/%s" $image.registry $image.repository) (empty $image.registry) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (toString ($image.tag | default .Chart.AppVersion)) -}}
{{- end -}}
{{- end -}}
