/* A TFLite delegate against the public C ABI (tensorflow/lite/core/c/common.h, external_delegate_interface.h): claims
 * int8 FULLY_CONNECTED without an activation and computes it. Only the fields that it touches, and those before them,
 * are declared. With -DFAILS it refuses to load, with -DCRASHES it dies, with -DWRONG it computes nonsense. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int TfLiteStatus;
typedef struct { int size; int data[]; } TfLiteIntArray;
typedef struct { int size; float data[]; } TfLiteFloatArray;
typedef struct { float scale; int32_t zero_point; } TfLiteQuantizationParams;
typedef struct { int type; void *params; } TfLiteQuantization;
typedef struct { TfLiteFloatArray *scale; TfLiteIntArray *zero_point; int32_t dimension; } TfLiteAffineQuantization;
typedef struct {
    int type;
    void *data;
    TfLiteIntArray *dims;
    TfLiteQuantizationParams params;
    int allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    struct TfLiteDelegate *delegate;
    int buffer_handle;
    bool data_is_stale, is_variable;
    TfLiteQuantization quantization;
    void *sparsity;
    const TfLiteIntArray *dims_signature;
} TfLiteTensor;
typedef struct {
    TfLiteIntArray *inputs, *outputs, *intermediates, *temporaries;
    void *user_data, *builtin_data;
} TfLiteNode;
struct TfLiteContext;
typedef struct TfLiteRegistration {
    void *(*init)(struct TfLiteContext *, const char *, size_t);
    void (*free)(struct TfLiteContext *, void *);
    TfLiteStatus (*prepare)(struct TfLiteContext *, TfLiteNode *);
    TfLiteStatus (*invoke)(struct TfLiteContext *, TfLiteNode *);
    const char *(*profiling_string)(const struct TfLiteContext *, const TfLiteNode *);
    int32_t builtin_code;
    const char *custom_name;
    int version;
    void *registration_external;
    void *async_kernel;
    uint64_t inplace_operator;
} TfLiteRegistration;
typedef struct TfLiteContext {
    size_t tensors_size;
    TfLiteStatus (*GetExecutionPlan)(struct TfLiteContext *, TfLiteIntArray **);
    TfLiteTensor *tensors;
    void *impl;
    void *ResizeTensor, *ReportError, *AddTensors;
    TfLiteStatus (*GetNodeAndRegistration)(struct TfLiteContext *, int, TfLiteNode **, TfLiteRegistration **);
    TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(struct TfLiteContext *, TfLiteRegistration,
                                                          const TfLiteIntArray *, struct TfLiteDelegate *);
} TfLiteContext;
typedef struct TfLiteDelegate {
    void *data;
    TfLiteStatus (*Prepare)(TfLiteContext *, struct TfLiteDelegate *);
    void *CopyFromBufferHandle, *CopyToBufferHandle, *FreeBufferHandle;
    int64_t flags;
    void *opaque_delegate_builder;
} TfLiteDelegate;
typedef struct { TfLiteDelegate *delegate; TfLiteIntArray *nodes, *inputs, *outputs; } TfLiteDelegateParams;

enum { OK = 0, ERROR = 1, FULLY_CONNECTED = 9, INT8 = 9 };
typedef struct { int input, weights, bias, output; } Layer;
static char log_file[4096];

static void *init(TfLiteContext *context, const char *buffer, size_t length) {
    (void)length;
    const TfLiteDelegateParams *params = (const TfLiteDelegateParams *)buffer;
    TfLiteNode *node;
    TfLiteRegistration *registration;
    context->GetNodeAndRegistration(context, params->nodes->data[0], &node, &registration);
    Layer *layer = malloc(sizeof *layer);
    *layer = (Layer){node->inputs->data[0], node->inputs->data[1], node->inputs->data[2], node->outputs->data[0]};
    return layer;
}

static void discard(TfLiteContext *context, void *layer) {
    (void)context;
    free(layer);
}

static TfLiteStatus prepare(TfLiteContext *context, TfLiteNode *node) {
    (void)context, (void)node;
    return OK;
}

static TfLiteStatus invoke(TfLiteContext *context, TfLiteNode *node) {
    const Layer *layer = node->user_data;
    const TfLiteTensor *input = &context->tensors[layer->input], *weights = &context->tensors[layer->weights];
    TfLiteTensor *output = &context->tensors[layer->output];
    const TfLiteAffineQuantization *scales = weights->quantization.params;
    const int8_t *x = input->data, *w = weights->data;
    const int32_t *bias = layer->bias < 0 ? NULL : context->tensors[layer->bias].data;
    int rows = weights->dims->data[0], columns = weights->dims->data[1];
    for (int row = 0; row < rows; row++) {
        int32_t sum = bias ? bias[row] : 0;
        for (int column = 0; column < columns; column++)
            sum += (x[column] - input->params.zero_point) * w[row * columns + column];
        double weight_scale = scales->scale->data[scales->scale->size > 1 ? row : 0];
        double real = sum * (double)input->params.scale * weight_scale / output->params.scale;
        double value = nearbyint(real) + output->params.zero_point;
#ifdef WRONG
        value = -value;
#endif
        ((int8_t *)output->data)[row] = (int8_t)fmin(127, fmax(-128, value));
    }
    if (log_file[0]) {
        FILE *file = fopen(log_file, "a");
        fputs("computed\n", file);
        fclose(file);
    }
    return OK;
}

static TfLiteStatus take(TfLiteContext *context, TfLiteDelegate *delegate) {
    TfLiteIntArray *plan;
    if (context->GetExecutionPlan(context, &plan) != OK) return ERROR;
    TfLiteIntArray *mine = calloc(1, sizeof *mine + plan->size * sizeof(int));
    for (int index = 0; index < plan->size; index++) {
        TfLiteNode *node;
        TfLiteRegistration *registration;
        context->GetNodeAndRegistration(context, plan->data[index], &node, &registration);
        if (registration->builtin_code == FULLY_CONNECTED && context->tensors[node->inputs->data[0]].type == INT8)
            mine->data[mine->size++] = plan->data[index];
    }
    TfLiteRegistration kernel = {
        .init = init, .free = discard, .prepare = prepare, .invoke = invoke, .custom_name = "TestDelegate", .version = 1};
    TfLiteStatus status = context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, mine, delegate);
    free(mine);
    return status;
}

TfLiteDelegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
#ifdef FAILS
    report("no such device");
    return NULL;
#endif
#ifdef CRASHES
    abort();
#endif
    for (size_t index = 0; index < count; index++)
        if (strcmp(keys[index], "log") == 0) snprintf(log_file, sizeof log_file, "%s", values[index]);
    TfLiteDelegate *delegate = calloc(1, sizeof *delegate);
    delegate->Prepare = take;
    return delegate;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate *delegate) { free(delegate); }
