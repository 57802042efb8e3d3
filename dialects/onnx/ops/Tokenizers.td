//===- dialects/onnx/ops/Tokenizers.td ------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokenizers of onnxruntime-extensions, whose vocabularies are attributes. What they compute is in runtime/library.
include "dialects/onnx/Onnx.td"

class SI64<string default> : DefaultValuedAttr<SI64Attr, default>;
class Str<string default> : DefaultValuedAttr<StrAttr, "\"" # default # "\"">;

def Onnx_BasicTokenizerOp : Onnx_ExtOp<"BasicTokenizer"> {
  let summary = "The words of a text, as BERT splits it";
  let arguments = (ins Onnx_TextTensor:$text, SI64<"1">:$do_lower_case, SI64<"1">:$remove_control_chars,
                       SI64<"0">:$strip_accents, SI64<"1">:$tokenize_chinese_chars, SI64<"0">:$tokenize_punctuation);
  let results = (outs Onnx_AnyTensor:$tokens);
}

def Onnx_BertTokenizerOp : Onnx_ExtOp<"BertTokenizer"> {
  let summary = "The numbers of the pieces of one text or two, which text they are of, a mask of ones, and ranges of bytes";
  let arguments = (ins Onnx_TextTensor:$text, Str<"[CLS]">:$cls_token, SI64<"1">:$do_basic_tokenize,
                       SI64<"1">:$do_lower_case, Str<"[MASK]">:$mask_token, SI64<"-1">:$max_length,
                       Str<"[PAD]">:$pad_token, SI64<"1">:$remove_control_chars, Str<"[SEP]">:$sep_token,
                       SI64<"0">:$strip_accents, Str<"##">:$suffix_indicator, SI64<"1">:$tokenize_chinese_chars,
                       SI64<"1">:$tokenize_punctuation, Str<"longest_first">:$truncation_strategy_name,
                       Str<"[UNK]">:$unk_token, StrAttr:$vocab_file);
  let results = (outs Onnx_Tensor:$input_ids, Onnx_Tensor:$token_type_ids, Onnx_Tensor:$attention_mask,
                      Onnx_Tensor:$offset_mapping);
}

def Onnx_BertTokenizerDecoderOp : Onnx_ExtOp<"BertTokenizerDecoder"> {
  let summary = "The text of BERT's tokens, or of ranges of them";
  let arguments = (ins Onnx_Int64Tensor:$ids, Onnx_OptionalInt64Tensor:$position,
                       SI64<"1">:$clean_up_tokenization_spaces, Str<"[CLS]">:$cls_token, Str<"[MASK]">:$mask_token,
                       Str<"[PAD]">:$pad_token, Str<"[SEP]">:$sep_token, SI64<"0">:$skip_special_tokens,
                       Str<"##">:$suffix_indicator, Str<"[UNK]">:$unk_token, SI64<"0">:$use_indices,
                       StrAttr:$vocab_file);
  let results = (outs Onnx_AnyTensor:$str);
}

def Onnx_WordpieceTokenizerOp : Onnx_ExtOp<"WordpieceTokenizer"> {
  let summary = "The longest pieces of words that a vocabulary has, and where the pieces of each row begin and end";
  let arguments = (ins Onnx_TextTensor:$text, Onnx_OptionalInt64Tensor:$row_indices,
                       SI64<"200">:$max_input_chars_per_word, StrAttr:$suffix_indicator,
                       Str<"[UNK]">:$unknown_token, StrAttr:$vocab);
  let results = (outs Onnx_AnyTensor:$tokens, Onnx_Tensor:$row_lengths, Onnx_Tensor:$row_begins,
                      Onnx_Tensor:$row_ends);
}

class BytePairTokenizer<string name> : Onnx_ExtOp<name> {
  let summary = "The tokens of texts by byte pair encoding, rows filled to the longest one, where there are some, and of which bytes";
  let arguments = (ins Onnx_TextTensor:$input_text, Str<"">:$added_token, StrAttr:$merges, Str<"">:$model_name,
                       SI64<"-1">:$padding_length, StrAttr:$vocab);
  let results = (outs Onnx_Tensor:$input_ids, Onnx_Tensor:$attention_mask, Onnx_Tensor:$offset_mapping);
}
def Onnx_GPT2TokenizerOp : BytePairTokenizer<"GPT2Tokenizer">;
def Onnx_CLIPTokenizerOp : BytePairTokenizer<"CLIPTokenizer">;
def Onnx_RobertaTokenizerOp : BytePairTokenizer<"RobertaTokenizer">;

def Onnx_BpeDecoderOp : Onnx_ExtOp<"BpeDecoder"> {
  let summary = "The text of byte pair tokens";
  let arguments = (ins Onnx_Int64Tensor:$ids, Str<"">:$added_tokens, Str<"">:$all_special_ids,
                       Str<"<|endoftext|>">:$bos_token, StrAttr:$byte_decoder, SI64<"0">:$en_normalization,
                       Str<"<|endoftext|>">:$eos_token, StrAttr:$id_vocab, SI64<"0">:$skip_special_tokens,
                       Str<"<|endoftext|>">:$unk_token, SI64<"0">:$whitespace_token);
  let results = (outs Onnx_AnyTensor:$str);
}

def Onnx_TrieTokenizerOp : Onnx_ExtOp<"TrieTokenizer"> {
  let summary = "At each place of texts the longest token that a vocabulary has, rows filled to the longest one";
  let arguments = (ins Onnx_TextTensor:$str, StrAttr:$vocab);
  let results = (outs Onnx_Tensor:$ids);
}

def Onnx_TrieDetokenizerOp : Onnx_ExtOp<"TrieDetokenizer"> {
  let summary = "The text of such tokens";
  let arguments = (ins Onnx_Int64Tensor:$ids, StrAttr:$vocab);
  let results = (outs Onnx_AnyTensor:$str);
}
