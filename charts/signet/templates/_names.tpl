{{/*
Names and labels. The base name is upstream's, not this chart's: a release of upstream's chart that is upgraded to this one
keeps the names of its objects and the selector of its Deployment, which cannot be changed.
*/}}
{{- define "signet.name" -}}
{{- .Values.nameOverride | default "sealed-secrets" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "signet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := .Values.nameOverride | default "sealed-secrets" -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "signet.namespace" -}}
{{- .Values.namespace | default .Release.Namespace -}}
{{- end -}}

{{- define "signet.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "signet.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "signet.matchLabels" -}}
app.kubernetes.io/name: {{ include "signet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "signet.labels" -}}
{{ include "signet.matchLabels" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- /* Upstream's, because tools choose their kubeseal by it; ours has a label of its own. */}}
app.kubernetes.io/version: {{ index .Chart.Annotations "signet.internal/upstream-version" | quote }}
signet.internal/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: sealed-secrets
{{- end -}}

{{/*
A value in which templates are rendered: text, or anything that YAML can say.
*/}}
{{- define "signet.render" -}}
{{- $text := ternary .value (toYaml .value) (kindIs "string" .value) -}}
{{- tpl $text .context -}}
{{- end -}}

{{/*
The content of `metadata`. Maps are merged, so that no key can appear twice.
context, name; namespace (absent for cluster-wide objects), labels and annotations (lists of maps; later ones win).
*/}}
{{- define "signet.metadata" -}}
{{- $context := .context -}}
{{- $labels := include "signet.labels" $context | fromYaml -}}
{{- range concat (list $context.Values.commonLabels) (.labels | default list) -}}
{{- $labels = mergeOverwrite $labels (include "signet.render" (dict "value" (. | default dict) "context" $context) | fromYaml) -}}
{{- end -}}
{{- $annotations := dict -}}
{{- range concat (list $context.Values.commonAnnotations) (.annotations | default list) -}}
{{- $annotations = mergeOverwrite $annotations (include "signet.render" (dict "value" (. | default dict) "context" $context) | fromYaml) -}}
{{- end -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
