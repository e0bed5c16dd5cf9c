#!/bin/bash
GPUS_PER_NODE=8
NNODES=4
MODEL_ARGS=(
    --num-layers 60 --hidden-size 2048   # a DeepSeek of small width
    --num-attention-heads 16 --seq-length 2048 --vocab-size 32000
    --swiglu --disable-bias-linear --position-embedding-type rope --untie-embeddings-and-output-weights
    --multi-latent-attention --kv-lora-rank 512 --num-experts 16 --moe-router-topk 2 --moe-ffn-hidden-size 512
    --moe-layer-freq "([0]*3+[1]*57)" --moe-token-dispatcher-type alltoall
)
torchrun --nproc_per_node $GPUS_PER_NODE --nnodes=$NNODES pretrain_gpt.py "${MODEL_ARGS[@]}" \
    --tensor-model-parallel-size 2 --pipeline-model-parallel-size 8 --expert-model-parallel-size 2 --sequence-parallel \
    --pipeline-model-parallel-layout "E|(t*4|)*12,(t*6|)*2,L" \
    --micro-batch-size 1 --global-batch-size 32 --bf16 --use-distributed-optimizer --overlap-grad-reduce \
    --attention-dropout 0 --hidden-dropout 0 --use-flash-attn --data-path "$DATA" --save /checkpoints --lr 3e-4
